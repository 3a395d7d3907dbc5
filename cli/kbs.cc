#include "cli/kbs.h"

#include <cstdio>

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "base/file.h"
#include "base/strings.h"
#include "cli/kbs_admin.h"
#include "cli/kbs_explain.h"
#include "net/url.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxUpload = 2 << 20;  // what a broker takes

// The options and arguments of all of the verb's verbs; each uses some.
struct KbsArguments {
  KbsAdminOptions admin{.url = {},
                        .cert_path = {},
                        .admin_key_path = {},
                        .issuer = std::string(attestation::kAdminIssuer)};
  std::string name;  // resource path, reference name or attestation id
  std::string file;
  bool json = false;
};
using Arguments = std::shared_ptr<KbsArguments>;

absl::Status Print(std::string_view text) {
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) return ErrnoStatus(errno, "writing to standard output");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Call(const KbsArguments& arguments, std::string_view method,
                                 const std::string& path, std::string body = "") {
  ASSIGN_OR_RETURN(KbsAdmin admin, KbsAdmin::Create(arguments.admin));
  return admin.Call(method, path, std::move(body));
}

absl::StatusOr<std::string> ResourceUrlPath(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(attestation::ResourcePath path, attestation::ParseResourcePath(arguments.name));
  return StrCat("/kbs/v0/resource/", path.Text());
}

std::string ReferenceUrlPath(const KbsArguments& arguments) {
  return StrCat("/kbs/v0/reference-value/", net::PercentEncode(arguments.name));
}

absl::Status SetResource(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string path, ResourceUrlPath(arguments));
  ASSIGN_OR_RETURN(std::string contents, ReadTextFile(arguments.file, kMaxUpload));
  RETURN_IF_ERROR(Call(arguments, "POST", path, std::move(contents)).status());
  return Print(StrCat("resource ", arguments.name, " set\n"));
}

absl::Status DeleteResource(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string path, ResourceUrlPath(arguments));
  RETURN_IF_ERROR(Call(arguments, "DELETE", path).status(), arguments.name);
  return Print(StrCat("resource ", arguments.name, " deleted\n"));
}

absl::Status ListResources(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string body, Call(arguments, "GET", "/kbs/v0/admin/resources"));
  ASSIGN_OR_RETURN(Json answer, ParseJson(body));
  ASSIGN_OR_RETURN(const Json* paths, JsonArray(answer, "resources", "answer"));
  std::string text;
  for (const Json& path : *paths) {
    if (path.is_string()) StrAppend(&text, path.get_ref<const std::string&>(), "\n");
  }
  return Print(text);
}

absl::Status RegisterReference(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string document, ReadTextFile(arguments.file, kMaxUpload));
  ASSIGN_OR_RETURN(std::string body,
                   Call(arguments, "POST", "/kbs/v0/reference-value", std::move(document)),
                   arguments.file);
  ASSIGN_OR_RETURN(Json answer, ParseJson(body));
  ASSIGN_OR_RETURN(std::string name, JsonString(answer, "name", "answer"));
  return Print(StrCat("reference value ", name, " registered\n"));
}

absl::Status ShowReference(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string body, Call(arguments, "GET", ReferenceUrlPath(arguments)),
                   arguments.name);
  return Print(StrCat(body, "\n"));
}

absl::Status DeleteReference(const KbsArguments& arguments) {
  RETURN_IF_ERROR(Call(arguments, "DELETE", ReferenceUrlPath(arguments)).status(), arguments.name);
  return Print(StrCat("reference value ", arguments.name, " deleted\n"));
}

absl::Status ListReferences(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string body, Call(arguments, "GET", "/kbs/v0/reference-value"));
  ASSIGN_OR_RETURN(Json answer, ParseJson(body));
  ASSIGN_OR_RETURN(const Json* references, JsonArray(answer, "reference-values", "answer"));
  std::string text;
  for (const Json& reference : *references) {
    ASSIGN_OR_RETURN(std::string name, JsonString(reference, "name", "answer"));
    StrAppend(&text, name, "\n");
  }
  return Print(text);
}

absl::Status Explain(const KbsArguments& arguments) {
  std::string id = arguments.name.empty() ? "last" : net::PercentEncode(arguments.name);
  ASSIGN_OR_RETURN(std::string body,
                   Call(arguments, "GET", StrCat("/kbs/v0/admin/attestations/", id)),
                   StrCat("attestation ", id));
  ASSIGN_OR_RETURN(Json explanation, ParseJson(body));
  if (arguments.json) {
    ASSIGN_OR_RETURN(std::string text, DumpJson(explanation, 2));
    return Print(StrCat(text, "\n"));
  }
  ASSIGN_OR_RETURN(std::string text, FormatExplanation(explanation));
  return Print(text);
}

using Action = absl::Status (*)(const KbsArguments&);

CLI::App* AddAction(CLI::App& parent, const char* name, const char* help, Action action,
                    const Arguments& arguments, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(name, help);
  verb->fallthrough();
  verb->callback([=] { result->status = action(*arguments); });
  return verb;
}

void AddResourceVerbs(CLI::App& kbs, const Arguments& arguments, VerbResult* result) {
  CLI::App* resource = kbs.add_subcommand("resource", "Secrets the broker keeps");
  resource->require_subcommand(1);
  resource->fallthrough();
  CLI::App* set =
      AddAction(*resource, "set", "Store a file's contents", SetResource, arguments, result);
  set->add_option("path", arguments->name, "repository/type/tag")->required();
  set->add_option("file", arguments->file, "File to store")->required();
  CLI::App* remove =
      AddAction(*resource, "delete", "Forget one", DeleteResource, arguments, result);
  remove->add_option("path", arguments->name, "repository/type/tag")->required();
  AddAction(*resource, "list", "Paths, one a line", ListResources, arguments, result);
}

void AddReferenceVerbs(CLI::App& kbs, const Arguments& arguments, VerbResult* result) {
  CLI::App* reference = kbs.add_subcommand("reference", "Launches the broker accepts");
  reference->require_subcommand(1);
  reference->fallthrough();
  CLI::App* add = AddAction(*reference, "register", "Add a document of nacre measure --reference",
                            RegisterReference, arguments, result);
  add->add_option("file", arguments->file, "The document")->required();
  CLI::App* show = AddAction(*reference, "show", "Print one", ShowReference, arguments, result);
  show->add_option("name", arguments->name, "Its name")->required();
  CLI::App* remove =
      AddAction(*reference, "delete", "Accept it no longer", DeleteReference, arguments, result);
  remove->add_option("name", arguments->name, "Its name")->required();
  AddAction(*reference, "list", "Names, one a line", ListReferences, arguments, result);
}

}  // namespace

void AddKbsVerb(CLI::App& app, VerbResult* result) {
  CLI::App* kbs = app.add_subcommand("kbs", "Administer a key broker");
  auto arguments = std::make_shared<KbsArguments>();
  kbs->add_option("--url", arguments->admin.url, "https://HOST:PORT of the broker")->required();
  kbs->add_option("--cert", arguments->admin.cert_path, "Its certificate (PEM), pinned")
      ->required();
  kbs->add_option("--admin-key", arguments->admin.admin_key_path, "The owner's key (PEM)")
      ->required();
  kbs->add_option("--admin-issuer", arguments->admin.issuer, "As in the broker's configuration");
  kbs->require_subcommand(1);
  AddResourceVerbs(*kbs, arguments, result);
  AddReferenceVerbs(*kbs, arguments, result);
  CLI::App* explain = AddAction(*kbs, "explain", "Why an attestation was accepted or refused",
                                Explain, arguments, result);
  explain->add_option("id", arguments->name, "Correlation id; the last one when left out");
  explain->add_flag("--json", arguments->json, "Everything, as JSON");
}

}  // namespace nacre::cli
