// Programs of image transforms, from the plain data that tql.transforms gives. Messages here are for those
// who write programs by hand: tql.transforms checks what users write.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "tql_engine/image_program.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

constexpr int64_t kMostExtent = 1 << 20;  // of an image, in pixels; products stay far below 2^63

[[noreturn]] void refuse(const std::string& what) { throw py::value_error("unusable step: " + what); }

/// One step's arguments.
class Arguments {
 public:
  explicit Arguments(const py::dict& values) : values_(values) {}

  std::string text(const char* name) const { return get(name).cast<std::string>(); }
  bool flag(const char* name) const { return get(name).cast<bool>(); }

  int64_t extent(const char* name, int64_t least) const {
    const auto value = get(name).cast<int64_t>();
    if (value < least || value > kMostExtent) refuse(std::string(name) + " " + std::to_string(value));
    return value;
  }

  double number(const char* name, double least, double most) const {
    return checked(name, get(name).cast<double>(), least, most);
  }

  /// Two numbers in order.
  std::array<double, 2> range(const char* name, double least, double most) const {
    const auto values = get(name).cast<std::array<double, 2>>();
    checked(name, values[0], least, most);
    checked(name, values[1], values[0], most);
    return values;
  }

  ColorJitter::Range factors(const char* name, double least, double most) const {
    if (get(name).is_none()) return std::nullopt;
    return range(name, least, most);
  }

  std::vector<float> floats(const char* name) const {
    auto values = get(name).cast<std::vector<float>>();
    if (values.empty() || values.size() > 4) refuse(std::string(name) + " has 1 to 4 numbers");
    return values;
  }

  std::vector<uint8_t> bytes(const char* name) const {
    auto values = get(name).cast<std::vector<uint8_t>>();
    if (values.empty() || values.size() > 4) refuse(std::string(name) + " has 1 to 4 numbers");
    return values;
  }

 private:
  py::object get(const char* name) const {
    if (!values_.contains(name)) refuse(std::string(name) + " is missing");
    return values_[name];
  }

  static double checked(const char* name, double value, double least, double most) {
    if (!(value >= least && value <= most)) refuse(std::string(name) + " " + std::to_string(value));
    return value;
  }

  const py::dict& values_;
};

Filter filter_of(const std::string& name) {
  if (name == "bilinear") return Filter::kBilinear;
  if (name == "nearest") return Filter::kNearest;
  refuse("interpolation " + name);
}

PadMode mode_of(const std::string& name) {
  if (name == "constant") return PadMode::kConstant;
  if (name == "edge") return PadMode::kEdge;
  if (name == "reflect") return PadMode::kReflect;
  if (name == "symmetric") return PadMode::kSymmetric;
  refuse("padding_mode " + name);
}

Step step_of(const std::string& kind, const py::dict& values) {
  constexpr double kMostFactor = 1e6, kMostRatio = 1e6, kLeastRatio = 1e-6;
  const Arguments of(values);
  if (kind == "Resize") {
    return Resize{of.extent("height", 1), of.extent("width", 0), of.extent("max_size", 0),
                  filter_of(of.text("interpolation")), of.flag("exact")};
  }
  if (kind == "CenterCrop") return CenterCrop{of.extent("height", 1), of.extent("width", 1)};
  if (kind == "RandomResizedCrop") {
    return RandomResizedCrop{of.extent("height", 1),
                             of.extent("width", 1),
                             of.range("scale", 0, 1),
                             of.range("ratio", kLeastRatio, kMostRatio),
                             filter_of(of.text("interpolation")),
                             of.flag("exact")};
  }
  if (kind == "RandomHorizontalFlip") return RandomHorizontalFlip{of.number("p", 0, 1)};
  if (kind == "ColorJitter") {
    return ColorJitter{of.factors("brightness", 0, kMostFactor), of.factors("contrast", 0, kMostFactor),
                       of.factors("saturation", 0, kMostFactor), of.factors("hue", -0.5, 0.5)};
  }
  if (kind == "Pad") {
    return Pad{of.extent("left", 0),
               of.extent("top", 0),
               of.extent("right", 0),
               of.extent("bottom", 0),
               mode_of(of.text("padding_mode")),
               of.bytes("fill")};
  }
  if (kind == "RGB") return Rgb{};
  if (kind == "ToFloat") return ToFloat{};
  if (kind == "Normalize") return Normalize{of.floats("mean"), of.floats("std")};
  refuse(kind);
}

std::shared_ptr<ImageProgram> make_program(const std::vector<std::pair<std::string, py::dict>>& steps,
                                           int64_t first_number) {
  if (first_number < 0 || first_number > static_cast<int64_t>(ImageProgram::kMostSteps)) {
    throw py::value_error("first_number is out of range: " + std::to_string(first_number));
  }
  std::vector<Step> made;
  for (const auto& [kind, values] : steps) made.push_back(step_of(kind, values));
  return std::make_shared<ImageProgram>(std::move(made), static_cast<uint8_t>(first_number));
}

}  // namespace

void register_transforms(py::module_& module) {
  py::class_<ImageProgram, std::shared_ptr<ImageProgram>>(module, "ImageProgram",
                                                          "Steps that make images into rows of a batch.")
      .def(py::init(&make_program), py::arg("steps"), py::arg("first_number") = 0)
      .def_property_readonly("floats", &ImageProgram::floats);
}

}  // namespace tql_engine::bindings
