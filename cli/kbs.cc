#include "cli/kbs.h"

#include <cstdio>
#include <ctime>

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/resource_path.h"
#include "attestation/reference/signed_reference.h"
#include "attestation/verifier/evidence_file.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/secret_bytes.h"
#include "base/strings.h"
#include "cli/kbs_admin.h"
#include "cli/kbs_denials.h"
#include "cli/kbs_explain.h"
#include "cli/kbs_reference.h"
#include "net/url.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxKeyFile = 64 << 10;
constexpr std::string_view kThumbprintLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kMaxUpload = 2 << 20;  // what a broker takes

// The options and arguments of all of the verb's verbs; each uses some.
struct KbsArguments {
  KbsAdminOptions admin{.url = {},
                        .cert_path = {},
                        .admin_key_path = {},
                        .issuer = std::string(attestation::kAdminIssuer)};
  std::string name;  // resource path, reference name or attestation id
  std::string file;
  std::string sign_key;  // PEM; empty: what is registered is not signed
  bool details = false;
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

absl::StatusOr<std::string> UploadReference(const KbsArguments& arguments, std::string document) {
  if (!arguments.sign_key.empty()) {
    if (attestation::IsSignedReference(document)) {
      return absl::InvalidArgumentError("it is signed already");
    }
    ASSIGN_OR_RETURN(Bytes pem, ReadFile(arguments.sign_key, kMaxKeyFile), "--sign-key");
    const SecretBytes secret = SecretBytes::TakeFrom(std::move(pem));
    ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::PrivateKey::FromPem(secret.view()),
                     StrCat("--sign-key: ", arguments.sign_key));
    ASSIGN_OR_RETURN(document, attestation::SignReference(document, key), "--sign-key");
  }
  return Call(arguments, "POST", "/kbs/v0/reference-value", std::move(document));
}

absl::Status RegisterReference(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string document, ReadTextFile(arguments.file, kMaxUpload));
  ASSIGN_OR_RETURN(std::string body, UploadReference(arguments, std::move(document)),
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
    ASSIGN_OR_RETURN(const std::string line, arguments.details
                                                 ? FormatReference(reference)
                                                 : JsonString(reference, "name", "answer"));
    StrAppend(&text, line, "\n");
  }
  return Print(text);
}

// All pages; a broker that gives one again ends it.
absl::Status ShowDenials(const KbsArguments& arguments) {
  Json all = Json::array();
  uint64_t after = 0;
  while (true) {
    const std::string guest = arguments.name.empty() ? "" : StrCat("/", arguments.name);
    ASSIGN_OR_RETURN(
        std::string body,
        Call(arguments, "GET", StrCat("/kbs/v0/admin/denials", guest, "?after=", after)));
    ASSIGN_OR_RETURN(Json answer, ParseJson(body));
    ASSIGN_OR_RETURN(const Json* page, JsonArray(answer, "denials", "answer"));
    for (const Json& denial : *page) all.push_back(denial);
    if (!answer.contains("next")) break;
    ASSIGN_OR_RETURN(const uint64_t next, JsonUint(answer, "next", "answer"));
    if (next <= after) return absl::DataLossError("answer: its pages do not go on");
    after = next;
  }
  if (arguments.json) {
    ASSIGN_OR_RETURN(const std::string text, DumpJson(all, 2));
    return Print(StrCat(text, "\n"));
  }
  std::string text;
  for (const Json& denial : all) {
    ASSIGN_OR_RETURN(const std::string one, FormatDenial(denial));
    StrAppend(&text, one);
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

// A plain value, as Confidential Containers' policies ask for them.
absl::Status SetReference(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(const Json value, ParseJson(arguments.file), "VALUE");
  ASSIGN_OR_RETURN(const std::string payload, DumpJson({{arguments.name, value}}));
  ASSIGN_OR_RETURN(std::string message, DumpJson({{"version", "0.1.0"},
                                                  {"type", "sample"},
                                                  {"payload", Base64Encode(AsBytes(payload))}}));
  RETURN_IF_ERROR(UploadReference(arguments, std::move(message)).status());
  return Print(StrCat("reference value ", arguments.name, " set\n"));
}

absl::Status DiffReference(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(const Bytes evidence, ReadFile(arguments.file, attestation::kMaxEvidenceFile));
  ASSIGN_OR_RETURN(std::string body, Call(arguments, "GET", "/kbs/v0/reference-value"));
  ASSIGN_OR_RETURN(Json answer, ParseJson(body));
  ASSIGN_OR_RETURN(const Json* references, JsonArray(answer, "reference-values", "answer"));
  std::vector<std::string> documents;
  for (const Json& reference : *references) {
    KbsArguments one = arguments;
    ASSIGN_OR_RETURN(one.name, JsonString(reference, "name", "answer"));
    auto document = Call(one, "GET", ReferenceUrlPath(one));
    if (document.ok()) documents.push_back(*std::move(document));
  }
  ASSIGN_OR_RETURN(const std::string text,
                   CompareWithReferences(evidence, documents, std::time(nullptr)));
  return Print(text);
}

constexpr size_t kMaxPolicy = 1 << 20;

std::string ResourcePolicyPath(const KbsArguments& arguments) {
  return StrCat("/kbs/v0/resource-policy", arguments.name.empty() ? "" : "/", arguments.name);
}

absl::StatusOr<std::string> PolicyUpload(const KbsArguments& arguments, Json body) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(arguments.file, kMaxPolicy));
  body["policy"] = Base64UrlEncode(AsBytes(text));
  body["type"] = "rego";
  return DumpJson(body);
}

absl::Status SetResourcePolicy(const KbsArguments& arguments) {
  ASSIGN_OR_RETURN(std::string body, PolicyUpload(arguments, Json::object()));
  RETURN_IF_ERROR(Call(arguments, "POST", ResourcePolicyPath(arguments), std::move(body)).status(),
                  arguments.file);
  return Print(
      StrCat("policy of ", arguments.name.empty() ? "all resources" : arguments.name, " set\n"));
}

absl::Status SetAttestationPolicy(const KbsArguments& arguments) {
  const std::string id = arguments.name.empty() ? "default_cpu" : arguments.name;
  ASSIGN_OR_RETURN(std::string body, PolicyUpload(arguments, {{"policy_id", id}}));
  RETURN_IF_ERROR(Call(arguments, "POST", "/kbs/v0/attestation-policy", std::move(body)).status(),
                  arguments.file);
  return Print(StrCat("attestation policy ", id, " set\n"));
}

absl::Status DeleteResourcePolicy(const KbsArguments& arguments) {
  RETURN_IF_ERROR(Call(arguments, "DELETE", ResourcePolicyPath(arguments)).status());
  return Print("the policy is deleted\n");
}

absl::Status DeleteAttestationPolicy(const KbsArguments& arguments) {
  const std::string id =
      arguments.name.empty() ? "default_cpu" : net::PercentEncode(arguments.name);
  RETURN_IF_ERROR(Call(arguments, "DELETE", StrCat("/kbs/v0/attestation-policy/", id)).status());
  return Print("the policy is deleted\n");
}

absl::Status ListPolicies(const KbsArguments& arguments) {
  std::string text;
  for (const char* kind : {"attestation", "resource"}) {
    ASSIGN_OR_RETURN(std::string body, Call(arguments, "GET", StrCat("/kbs/v0/", kind, "-policy")));
    ASSIGN_OR_RETURN(Json answer, ParseJson(body));
    ASSIGN_OR_RETURN(const Json* policies, JsonArray(answer, "policies", "answer"));
    for (const Json& policy : *policies) {
      ASSIGN_OR_RETURN(const std::string id, JsonString(policy, "id", "answer"));
      StrAppend(&text, kind, " ", id.empty() ? "(all)" : id, "\n");
    }
  }
  return Print(text.empty() ? "only the shipped policies\n" : text);
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
  CLI::App* set = AddAction(*reference, "set", "Set a plain value that policies ask for by its id",
                            SetReference, arguments, result);
  set->add_option("id", arguments->name, "snp_launch_measurement, ...")->required();
  set->add_option("value", arguments->file, "JSON: '[\"ab12\"]'")->required();
  CLI::App* list =
      AddAction(*reference, "list", "Names, one a line", ListReferences, arguments, result);
  list->add_flag("--details", arguments->details, "Also who registered and signed it, and when");
  for (CLI::App* signing : {add, set}) {
    signing->add_option("--sign-key", arguments->sign_key, "Sign it with this EC key (PEM)");
  }
  CLI::App* diff = AddAction(*reference, "diff", "What would have to be registered for a guest",
                             DiffReference, arguments, result);
  diff->add_option("evidence", arguments->file, "File of evidence")->required();
}

void AddPolicyVerbs(CLI::App& kbs, const Arguments& arguments, VerbResult* result) {
  CLI::App* policy = kbs.add_subcommand("policy", "Policies (Rego) that decide who gets what");
  policy->require_subcommand(1);
  policy->fallthrough();
  CLI::App* resource = AddAction(*policy, "set-resource", "Who gets resources", SetResourcePolicy,
                                 arguments, result);
  resource->add_option("file", arguments->file, "The policy")->required();
  resource->add_option("--prefix", arguments->name, "Only of repository[/type[/tag]]");
  CLI::App* attestation = AddAction(*policy, "set-attestation", "What evidence is worth",
                                    SetAttestationPolicy, arguments, result);
  attestation->add_option("file", arguments->file, "The policy")->required();
  attestation->add_option("--id", arguments->name, "Its name; default_cpu judges all evidence");
  CLI::App* drop =
      AddAction(*policy, "delete-resource", "Forget one", DeleteResourcePolicy, arguments, result);
  drop->add_option("--prefix", arguments->name, "As it was set");
  CLI::App* forget = AddAction(*policy, "delete-attestation", "Forget one", DeleteAttestationPolicy,
                               arguments, result);
  forget->add_option("--id", arguments->name, "As it was set");
  AddAction(*policy, "list", "What was set, one a line", ListPolicies, arguments, result);
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
  AddPolicyVerbs(*kbs, arguments, result);
  CLI::App* denials = AddAction(*kbs, "denials",
                                "Which requests of their hosts guests denied, and "
                                "why",
                                ShowDenials, arguments, result);
  denials->add_option("--guest", arguments->name, "Only of this one")
      ->check(CLI::Validator(
          [](const std::string& id) {
            const bool plain = id.find_first_not_of(kThumbprintLetters) == std::string::npos;
            return plain && !id.empty() ? "" : "is no guest's name";
          },
          "GUEST"));
  denials->add_flag("--json", arguments->json, "Everything, as JSON");
  CLI::App* explain = AddAction(*kbs, "explain", "Why an attestation was accepted or refused",
                                Explain, arguments, result);
  explain->add_option("id", arguments->name, "Correlation id; the last one when left out");
  explain->add_flag("--json", arguments->json, "Everything, as JSON");
}

}  // namespace nacre::cli
