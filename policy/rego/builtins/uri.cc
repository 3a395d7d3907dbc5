// uri.parse, uri.is_valid.
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/url.h"

namespace nacre::rego {
namespace {

Result Parse(BuiltinContext& context, Args args) {
  ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
  auto url = ParseUrl(text);
  if (!url.ok()) return AsBuiltinError(url.status());
  ObjectBuilder out(context.arena());
  auto set = [&](std::string_view key, std::string_view part) {
    if (!part.empty()) out.Set(key, Text(context, part));
  };
  set("scheme", url->scheme);
  set("hostname", url->hostname);
  set("port", url->port);
  set("path", url->path);
  if (!url->path.empty()) set("raw_path", url->raw_path);
  set("raw_query", url->raw_query);
  set("fragment", url->fragment);
  return out.Build();
}

Result IsValid(BuiltinContext&, Args args) {
  bool text = args[0].is_string() && args[0].size() > 0;
  return Value::Bool(text && ParseUrl(args[0].string()).ok());
}

}  // namespace

void RegisterUri(BuiltinRegistry& registry) {
  registry.Register({"uri.parse", {kString}, kObject, Parse});
  registry.Register({"uri.is_valid", {kString}, kBoolean, IsValid});
}

}  // namespace nacre::rego
