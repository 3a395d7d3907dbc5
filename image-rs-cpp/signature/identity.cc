// All comparisons are between canonical texts: "busybox" and "docker.io/library/busybox:latest" are
// one name when asked for. In a signature a bare name stays bare: it names a repository only, and
// never stands for the tag "latest".
#include "image-rs-cpp/signature/identity.h"

#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

// A reference whose tag is really there, or empty.
absl::StatusOr<ImageReference> ParseAsWritten(std::string_view text) {
  ASSIGN_OR_RETURN(ImageReference reference, ParseImageReference(text));
  const std::string_view name = text.substr(0, text.find('@'));
  const size_t slash = name.rfind('/');
  const std::string_view last = slash == name.npos ? name : name.substr(slash + 1);
  if (last.find(':') == last.npos) reference.tag.clear();
  return reference;
}

std::string Repository(const ImageReference& reference) {
  return StrCat(reference.registry, "/", reference.repository);
}

bool IsNameOnly(const ImageReference& reference) {
  return reference.tag.empty() && reference.digest.empty();
}

bool Exact(const ImageReference& asked, const ImageReference& named) {
  return !IsNameOnly(named) && asked.ToString() == named.ToString();
}

bool RepoDigestOrExact(const ImageReference& asked, const ImageReference& named) {
  if (!asked.digest.empty()) return Repository(asked) == Repository(named);
  return Exact(asked, named);
}

// The prefix is a host, a namespace or a repository, ending where a component ends.
absl::StatusOr<ImageReference> Remap(const SignedIdentity& identity, const ImageReference& asked) {
  const std::string name = Repository(asked);
  if (!name.starts_with(identity.prefix)) return asked;
  const std::string rest = name.substr(identity.prefix.size());
  if (!rest.empty() && rest.front() != '/') return asked;
  const std::string suffix = asked.ToString().substr(name.size());
  return ParseImageReference(StrCat(identity.signed_prefix, rest, suffix));
}

absl::StatusOr<bool> Matches(const SignedIdentity& identity, const ImageReference& asked,
                             const ImageReference& named) {
  using Match = SignedIdentity::Match;
  switch (identity.match) {
    case Match::kExact:
      return Exact(asked, named);
    case Match::kRepoDigestOrExact:
      return RepoDigestOrExact(asked, named);
    case Match::kRepository:
      return Repository(asked) == Repository(named);
    case Match::kExactReference: {
      ASSIGN_OR_RETURN(ImageReference wanted, ParseAsWritten(identity.reference));
      return Exact(wanted, named);
    }
    case Match::kExactRepository: {
      ASSIGN_OR_RETURN(ImageReference wanted, ParseAsWritten(identity.reference));
      return Repository(wanted) == Repository(named);
    }
    case Match::kRemapIdentity: {
      ASSIGN_OR_RETURN(ImageReference remapped, Remap(identity, asked), "remapIdentity");
      return RepoDigestOrExact(remapped, named);
    }
  }
  return false;
}

absl::Status CheckPrefix(const std::string& prefix, std::string_view where, std::string_view key) {
  // With a component after it, a host or a namespace must read as part of a reference.
  if (!prefix.empty() && prefix.back() != '/' && ParseImageReference(StrCat(prefix, "/x:t")).ok()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(StrCat(where, ": ", key, " '", Printable(prefix),
                                           "' is not a registry, namespace or repository"));
}

}  // namespace

absl::StatusOr<SignedIdentity> ParseSignedIdentity(const Json& json, std::string_view where) {
  using Match = SignedIdentity::Match;
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(where, ": not an object"));
  ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", where));
  SignedIdentity out;
  if (type == "matchExact" || type == "matchRepoDigestOrExact" || type == "matchRepository") {
    out.match = type == "matchExact"        ? Match::kExact
                : type == "matchRepository" ? Match::kRepository
                                            : Match::kRepoDigestOrExact;
    RETURN_IF_ERROR(JsonOnlyMembers(json, {"type"}, where));
  } else if (type == "exactReference") {
    out.match = Match::kExactReference;
    RETURN_IF_ERROR(JsonOnlyMembers(json, {"type", "dockerReference"}, where));
    ASSIGN_OR_RETURN(out.reference, JsonString(json, "dockerReference", where));
    ASSIGN_OR_RETURN(ImageReference reference, ParseAsWritten(out.reference), where);
    if (IsNameOnly(reference)) {
      return absl::InvalidArgumentError(
          StrCat(where, ": dockerReference '", out.reference, "' has neither tag nor digest"));
    }
  } else if (type == "exactRepository") {
    out.match = Match::kExactRepository;
    RETURN_IF_ERROR(JsonOnlyMembers(json, {"type", "dockerRepository"}, where));
    ASSIGN_OR_RETURN(out.reference, JsonString(json, "dockerRepository", where));
    ASSIGN_OR_RETURN(ImageReference reference, ParseAsWritten(out.reference), where);
    if (!IsNameOnly(reference)) {
      return absl::InvalidArgumentError(
          StrCat(where, ": dockerRepository '", out.reference, "' has a tag or a digest"));
    }
  } else if (type == "remapIdentity") {
    out.match = Match::kRemapIdentity;
    RETURN_IF_ERROR(JsonOnlyMembers(json, {"type", "prefix", "signedPrefix"}, where));
    ASSIGN_OR_RETURN(out.prefix, JsonString(json, "prefix", where));
    ASSIGN_OR_RETURN(out.signed_prefix, JsonString(json, "signedPrefix", where));
    RETURN_IF_ERROR(CheckPrefix(out.prefix, where, "prefix"));
    RETURN_IF_ERROR(CheckPrefix(out.signed_prefix, where, "signedPrefix"));
  } else {
    return absl::InvalidArgumentError(
        StrCat(where, ": type '", Printable(type, 60), "' is not known"));
  }
  return out;
}

absl::Status CheckSignedIdentity(const SignedIdentity& identity, const ImageReference& asked,
                                 std::string_view signed_reference) {
  ASSIGN_OR_RETURN(ImageReference named, ParseAsWritten(signed_reference),
                   "the signature's docker-reference");
  ASSIGN_OR_RETURN(bool matches, Matches(identity, asked, named));
  if (matches) return absl::OkStatus();
  return absl::PermissionDeniedError(
      StrCat("it is a signature for '", Printable(signed_reference), "'"));
}

}  // namespace nacre::image
