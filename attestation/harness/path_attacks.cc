// Names of resources that mean something else to a careless server. Each is asked for by a guest
// that is given its resource under its right name.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/raw_http.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

// `target` of the whole path; "{}" stands for the resource's own.
Case Path(std::string name, std::string what, std::string target) {
  auto steps = [target = std::move(target)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(Attested attested, lab.Handshake());
    std::string path = target;
    if (size_t at = path.find("{}"); at != std::string::npos) {
      path = path.substr(0, at) + lab.resource() + path.substr(at + 2);
    }
    return SendRaw(lab, WholeRequest(lab, "GET", path, "",
                                     {StrCat("Cookie: ", attested.session.cookie),
                                      StrCat("Authorization: Bearer ", attested.token)}));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest, Need::kRelease},
          .steps = std::move(steps),
          .expected = RefusedOrClosed({400, 401, 403, 404, 405})};
}

std::vector<Case> Dots() {
  return {Path("dot-dot", "a path with .. that leads back", "/kbs/v0/resource/x/../{}"),
          Path("dot-dot-escaped", "a path whose .. is escaped", "/kbs/v0/resource/x/%2e%2e/{}"),
          Path("dot-dot-twice-escaped", "a path whose .. is escaped twice",
               "/kbs/v0/resource/x/%252e%252e/{}"),
          Path("dot", "a path with . in it", "/kbs/v0/resource/./{}"),
          Path("to-files", "a path that leads to the machine's files",
               "/kbs/v0/resource/../../../../../../etc/passwd"),
          Path("to-files-escaped", "the same with its slashes escaped",
               "/kbs/v0/resource/a/b/..%2f..%2f..%2f..%2fetc%2fpasswd"),
          Path("to-files-backslash", "the same with backslashes",
               "/kbs/v0/resource/a/b/..\\..\\..\\etc\\passwd"),
          Path("out-of-the-prefix", "a path that leaves the protocol's prefix and comes back",
               "/kbs/v0/../v0/resource/{}"),
          Path("to-admin", "a path that leads to the owner's list",
               "/kbs/v0/resource/../admin/resources")};
}

std::vector<Case> Slashes() {
  return {Path("double-slash", "two slashes where one belongs", "/kbs/v0/resource//{}"),
          Path("trailing-slash", "a slash behind the name", "/kbs/v0/resource/{}/"),
          Path("leading-slashes", "two slashes at the beginning", "//kbs/v0/resource/{}"),
          Path("escaped-slash", "a slash as an escape", "/kbs/v0/resource%2f{}"),
          Path("two-parts", "a name of two parts", "/kbs/v0/resource/a/b"),
          Path("four-parts", "a name of four parts", "/kbs/v0/resource/{}/more"),
          Path("no-parts", "no name", "/kbs/v0/resource/"),
          Path("no-resource", "the bare plugin", "/kbs/v0/resource")};
}

std::vector<Case> Characters() {
  return {Path("nul", "a NUL behind the name", "/kbs/v0/resource/{}%00"),
          Path("nul-and-more", "a NUL and a suffix behind the name", "/kbs/v0/resource/{}%00.txt"),
          Path("line-break", "an escaped line break with a header behind it",
               "/kbs/v0/resource/{}%0d%0aX-A:%20b"),
          Path("space", "an escaped space behind the name", "/kbs/v0/resource/{}%20"),
          Path("semicolon", "parameters behind the name", "/kbs/v0/resource/{};a=b"),
          Path("bad-escape", "an escape that is none", "/kbs/v0/resource/{}%zz"),
          Path("unicode", "a name with letters of another alphabet",
               "/kbs/v0/resource/d%D0%B5fault/key/1"),
          Path("overlong", "a dot in two bytes", "/kbs/v0/resource/%c0%ae%c0%ae/{}"),
          Path("wildcard", "a pattern as a name", "/kbs/v0/resource/*/*/*"),
          Path("sql", "a piece of SQL as a name", "/kbs/v0/resource/a'%20OR%20'1'='1/b/c"),
          Path("hidden", "a name that begins with a dot", "/kbs/v0/resource/.ssh/id/rsa"),
          Path("case", "the prefix in capitals", "/KBS/V0/RESOURCE/{}"),
          Path("plugin-unknown", "a plugin that does not exist", "/kbs/v0/pearl/{}"),
          Path("store-file", "the name of a database's file", "/kbs/v0/resource/kbs.db-wal/a/b"),
          Path("long-part", "a part of a name of 4,000 characters",
               StrCat("/kbs/v0/resource/a/b/", std::string(4000, 'c')))};
}

}  // namespace

Family PathAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Dots(), Slashes(), Characters()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "path", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
