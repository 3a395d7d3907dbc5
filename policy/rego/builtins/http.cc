// http.send: known, so that policies that use it compile and tests may replace it; refused, since a
// policy has no network. The request is checked as OPA checks it.
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"

namespace nacre::rego {
namespace {

constexpr std::string_view kMembers[] = {"method",
                                         "url",
                                         "body",
                                         "enable_redirect",
                                         "force_json_decode",
                                         "force_yaml_decode",
                                         "headers",
                                         "raw_body",
                                         "tls_use_system_certs",
                                         "tls_ca_cert",
                                         "tls_ca_cert_file",
                                         "tls_ca_cert_env_variable",
                                         "tls_client_cert",
                                         "tls_client_cert_file",
                                         "tls_client_cert_env_variable",
                                         "tls_client_key",
                                         "tls_client_key_file",
                                         "tls_client_key_env_variable",
                                         "tls_insecure_skip_verify",
                                         "tls_server_name",
                                         "timeout",
                                         "cache",
                                         "force_cache",
                                         "force_cache_duration_seconds",
                                         "raise_error",
                                         "caching_mode",
                                         "max_retry_attempts",
                                         "cache_ignored_headers"};

Result Send(BuiltinContext& context, Args args) {
  RETURN_IF_ERROR(WantKind(args, 1, Kind::kObject));
  SetBuilder known(context.arena()), invalid(context.arena()), missing(context.arena());
  for (std::string_view member : kMembers) known.Add(Value::BorrowString(member));
  Value names = known.Build();
  for (const Member& member : args[0].members()) {
    if (!names.Contains(member.key)) invalid.Add(member.key);
  }
  if (invalid.size() > 0) {
    return TypeError(StrCat("operand 1 invalid request parameters(s): ", ToRego(invalid.Build())));
  }
  for (std::string_view member : {"method", "url"}) {
    if (!args[0].Get(member).defined()) missing.Add(Value::BorrowString(member));
  }
  if (missing.size() > 0) {
    return TypeError(
        StrCat("operand 1 missing required request parameters(s): ", ToRego(missing.Build())));
  }
  return BuiltinError("policies have no network");
}

}  // namespace

void RegisterHttp(BuiltinRegistry& registry) {
  registry.Register({.name = "http.send",
                     .args = {kObject},
                     .result = kObject,
                     .function = Send,
                     .nondeterministic = true});
}

}  // namespace nacre::rego
