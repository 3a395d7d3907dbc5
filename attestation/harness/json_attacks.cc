// JSON that two readers read differently, or that costs its reader more than its writer.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

Case AuthText(std::string name, std::string what, std::function<std::string(const Lab&)> text,
              Expected expected = Malformed()) {
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = [text = std::move(text)](Lab& lab) -> absl::StatusOr<Reply> {
            return lab.Auth(text(lab));
          },
          .expected = std::move(expected)};
}

Case AuthText(std::string name, std::string what, std::string text) {
  return AuthText(std::move(name), std::move(what),
                  [text = std::move(text)](const Lab&) { return text; });
}

// The Request with another text for its empty place.
std::string RequestWith(const Lab& lab, std::string_view extra) {
  return StrCat(R"({"version":"0.4.0","tee":")", lab.tee(), R"(","extra-params":)", extra, "}");
}

Case ExtraParams(std::string name, std::string what, std::string value) {
  return AuthText(std::move(name), std::move(what),
                  [value = std::move(value)](const Lab& lab) { return RequestWith(lab, value); });
}

std::string Nested(char open, char close, size_t depth) {
  return std::string(depth, open) + std::string(depth, close);
}

// One thing replaced in the text of an honest Attestation.
Case AttestEdit(std::string name, std::string what, std::string from, std::string to) {
  auto steps = [from = std::move(from), to = std::move(to)](Lab& lab) -> absl::StatusOr<Reply> {
    ASSIGN_OR_RETURN(GuestSession session, lab.Begin());
    ASSIGN_OR_RETURN(Json attestation, lab.Honest(session));
    ASSIGN_OR_RETURN(std::string text, Replaced(TextOf(attestation), from, to));
    return lab.AttestText(session, std::move(text));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .needs = {Need::kGuest},
          .steps = std::move(steps),
          .expected = NotBelieved()};
}

std::vector<Case> Duplicates() {
  return {AuthText("duplicate-version", "a Request with two versions, the wrong one first",
                   [](const Lab& lab) {
                     return StrCat(R"({"version":"0.1.0","version":"0.4.0","tee":")", lab.tee(),
                                   R"(","extra-params":""})");
                   }),
          AuthText("duplicate-tee", "a Request with two TEEs",
                   [](const Lab& lab) {
                     return StrCat(R"({"version":"0.4.0","tee":"sample","tee":")", lab.tee(),
                                   R"(","extra-params":""})");
                   }),
          AttestEdit("duplicate-nonce", "an Attestation with two nonces, the good one last",
                     R"("nonce":)", R"("nonce":"AAAA","nonce":)"),
          AttestEdit("duplicate-key", "an Attestation with two keys, the good one last",
                     R"("tee-pubkey":)", R"("tee-pubkey":{"kty":"EC"},"tee-pubkey":)"),
          AttestEdit("duplicate-coordinate", "a key with two x coordinates, the good one last",
                     R"("x":")", R"("x":"AAAA","x":")"),
          AttestEdit("duplicate-evidence", "an Attestation with two kinds of evidence",
                     R"("primary_evidence":)", R"("primary_evidence":{},"primary_evidence":)"),
          AttestEdit("duplicate-escaped", "two nonces, one of them spelt with an escape",
                     R"("nonce":)", R"("\u006eonce":"AAAA","nonce":)")};
}

std::vector<Case> Unicode() {
  return {ExtraParams("invalid-utf8", "bytes that are not UTF-8", "\"\xff\xfe\""),
          ExtraParams("overlong-utf8", "a slash in two bytes", "\"\xc0\xaf\""),
          ExtraParams("surrogate-bytes", "half a surrogate pair as bytes", "\"\xed\xa0\x80\""),
          ExtraParams("lone-surrogate", "half a surrogate pair as an escape", R"("\ud800")"),
          ExtraParams("control-character", "a line break inside a string", "\"a\nb\""),
          AuthText("byte-order-mark", "a Request behind a byte order mark",
                   [](const Lab& lab) { return StrCat("\xef\xbb\xbf", RequestText(lab)); },
                   {.text = "400 or 401 with the protocol's error JSON, or a Challenge",
                    .statuses = {200, 400, 401},
                    .error_body = true}),
          AuthText("utf-16", "a Request in UTF-16",
                   [](const Lab& lab) {
                     std::string out;
                     for (char c : RequestText(lab)) {
                       out.push_back(c);
                       out.push_back('\0');
                     }
                     return out;
                   }),
          AuthText("version-of-wide-digits", "a version in full-width digits",
                   [](const Lab& lab) {
                     return RequestText(lab, [](Json& request) {
                       request["version"] = "\xef\xbc\x90.\xef\xbc\x94.\xef\xbc\x90";
                     });
                   }),
          AuthText("tee-of-another-alphabet", "a TEE name with a letter of another alphabet",
                   [](const Lab& lab) {
                     return RequestText(lab, [](Json& request) { request["tee"] = "\xd1\x95np"; });
                   }),
          AuthText("tee-with-nul", "a TEE name with a NUL and more behind it", [](const Lab& lab) {
            return RequestText(lab, [](Json& request) {
              request["tee"] = request["tee"].get<std::string>() + std::string("\0x", 2);
            });
          })};
}

std::vector<Case> Grammar() {
  return {
      AuthText("empty", "no body at all", ""),
      AuthText("white-space", "a body of spaces", "    "),
      AuthText("null", "the body null", "null"),
      AuthText("array", "an array", "[]"),
      AuthText("string", "a string", "\"0.4.0\""),
      AuthText("cut", "a Request that ends early", R"({"version":"0.4.0","tee":"sn)"),
      AuthText("tail", "a Request with another behind it",
               [](const Lab& lab) { return RequestText(lab) + RequestText(lab); }),
      AuthText("nul-behind", "a Request with a NUL behind it",
               [](const Lab& lab) { return RequestText(lab) + std::string(1, '\0'); }),
      AuthText("trailing-comma", "a trailing comma",
               [](const Lab& lab) {
                 std::string text = RequestText(lab);
                 text.back() = ',';
                 return text + "}";
               }),
      AuthText("comment", "a comment", [](const Lab& lab) { return "/* x */" + RequestText(lab); }),
      AuthText("single-quotes", "single quotes", "{'version':'0.4.0'}"),
      ExtraParams("nan", "a number that is none", "NaN"),
      ExtraParams("infinity", "infinity", "Infinity"),
      ExtraParams("leading-zero", "a number with a leading zero", "01")};
}

std::vector<Case> Costs() {
  Expected either = {.text = "400 or 401 with the protocol's error JSON, or a Challenge",
                     .statuses = {200, 400, 401},
                     .error_body = true};
  std::vector<Case> cases = {
      ExtraParams("deep-arrays", "arrays a hundred thousand deep", Nested('[', ']', 100'000)),
      AuthText("deep-objects", "objects a hundred thousand deep",
               [](const Lab& lab) {
                 std::string open;
                 for (int i = 0; i < 100'000; ++i) open += R"({"a":)";
                 return RequestWith(lab, open + "1" + std::string(100'000, '}'));
               }),
      ExtraParams("deep-unclosed", "arrays a hundred thousand deep that never end",
                  std::string(100'000, '['))};
  auto costly = [&](std::string name, std::string what, std::string value) {
    cases.push_back(AuthText(
        std::move(name), std::move(what),
        [value = std::move(value)](const Lab& lab) { return RequestWith(lab, value); }, either));
  };
  costly("long-number", "a number of a hundred thousand digits", std::string(100'000, '9'));
  costly("huge-exponent", "the number 1e400", "1e400");
  costly("many-members", "fifty thousand members", [] {
    std::string text = "{";
    for (int i = 0; i < 50'000; ++i) StrAppend(&text, i == 0 ? "" : ",", "\"k", i, "\":0");
    return text + "}";
  }());
  costly("long-string", "a string of a million characters",
         StrCat("\"", std::string(1'000'000, 'a'), "\""));
  return cases;
}

}  // namespace

Family JsonAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Duplicates(), Unicode(), Grammar(), Costs()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "json", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
