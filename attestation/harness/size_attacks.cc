// Oversized everything, and what is announced and never comes.
#include "attestation/harness/case_steps.h"
#include "attestation/harness/families.h"
#include "attestation/harness/raw_http.h"
#include "attestation/protocol/limits.h"
#include "base/strings.h"

namespace nacre::attestation::harness {
namespace {

// What the protocol's brokers take, and a little above: 2 MiB.
Case Body(std::string name, std::string what, std::string path, size_t size, Expected expected) {
  auto steps = [path = std::move(path), size](Lab& lab) -> absl::StatusOr<Reply> {
    return lab.Send("POST", path, {}, std::string(size, ' '));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

Case Raw(std::string name, std::string what, std::function<std::string(Lab&)> bytes,
         Expected expected) {
  auto steps = [bytes = std::move(bytes)](Lab& lab) -> absl::StatusOr<Reply> {
    return SendRaw(lab, bytes(lab));
  };
  return {.name = std::move(name),
          .what = std::move(what),
          .steps = std::move(steps),
          .expected = std::move(expected)};
}

const std::set<int> kTooLarge = {400, 401, 413};
const std::set<int> kHeadTooLarge = {400, 401, 404, 414, 431};

std::vector<Case> Bodies() {
  return {
      Body("auth-above-limit", "a Request of 2 MiB and one byte", "/kbs/v0/auth",
           kMaxMessageSize + 1, RefusedOrClosed({413})),
      Body("attest-above-limit", "an Attestation of 2 MiB and one byte", "/kbs/v0/attest",
           kMaxMessageSize + 1, RefusedOrClosed({413})),
      Body("auth-16-mib", "a Request of 16 MiB", "/kbs/v0/auth", 16 << 20, RefusedOrClosed({413})),
      Raw(
          "announced-petabyte", "a body that is said to have a petabyte",
          [](Lab& lab) {
            return HeadOf(lab, "POST", "/kbs/v0/auth", {"Content-Length: 1125899906842624"}) +
                   "\r\n{";
          },
          RefusedOrClosed({400, 413})),
      Raw(
          "length-past-64-bits", "a body whose length does not fit 64 bits",
          [](Lab& lab) {
            return HeadOf(lab, "POST", "/kbs/v0/auth", {"Content-Length: 18446744073709551616"}) +
                   "\r\n{";
          },
          RefusedOrClosed({400, 413})),
      Raw(
          "length-negative", "a body of a negative length",
          [](Lab& lab) {
            return HeadOf(lab, "POST", "/kbs/v0/auth", {"Content-Length: -1"}) + "\r\n{}";
          },
          RefusedOrClosed({400, 413})),
      Raw(
          "chunks-above-limit", "three megabytes in chunks",
          [](Lab& lab) {
            std::string bytes =
                HeadOf(lab, "POST", "/kbs/v0/auth", {"Transfer-Encoding: chunked"}) + "\r\n";
            for (int i = 0; i < 48; ++i)
              bytes += StrCat("10000\r\n", std::string(65536, ' '), "\r\n");
            return bytes + "0\r\n\r\n";
          },
          RefusedOrClosed({400, 413}))};
}

std::vector<Case> Heads() {
  return {Raw(
              "path-100-kib", "a path of 100 KiB",
              [](Lab& lab) {
                return WholeRequest(
                    lab, "GET", StrCat("/kbs/v0/resource/a/b/", std::string(100 << 10, 'c')), "");
              },
              RefusedOrClosed(kHeadTooLarge)),
          Raw(
              "header-200-kib", "a header of 200 KiB",
              [](Lab& lab) {
                return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}",
                                    {StrCat("X-A: ", std::string(200 << 10, 'a'))});
              },
              RefusedOrClosed(kHeadTooLarge)),
          Raw(
              "twenty-thousand-headers", "twenty thousand headers",
              [](Lab& lab) {
                return WholeRequest(lab, "POST", "/kbs/v0/auth", "{}",
                                    std::vector<std::string>(20'000, "X-A: a"));
              },
              RefusedOrClosed(kHeadTooLarge)),
          Raw(
              "cookie-70-kib", "a cookie of 70 KiB",
              [](Lab& lab) {
                return WholeRequest(
                    lab, "POST", "/kbs/v0/attest", "{}",
                    {StrCat("Cookie: kbs-session-id=", std::string(70 << 10, 'A'))});
              },
              RefusedOrClosed({400, 401, 431})),
          Raw(
              "thousand-cookies", "a thousand session cookies",
              [](Lab& lab) {
                std::string cookies = "Cookie: a=b";
                for (int i = 0; i < 1000; ++i) cookies += "; kbs-session-id=AAAA";
                return WholeRequest(lab, "POST", "/kbs/v0/attest", "{}", {cookies});
              },
              RefusedOrClosed({400, 401, 431}))};
}

Case Field(std::string name, std::string what, JsonChange change) {
  return AttestCase(std::move(name), std::move(what), std::move(change),
                    RefusedOrClosed(kTooLarge));
}

std::vector<Case> Fields() {
  return {
      Field("nonce-1-mib", "a nonce of a megabyte",
            [](Json& json) { json["runtime-data"]["nonce"] = std::string(1 << 20, 'A'); }),
      Field(
          "coordinate-1-mib", "a coordinate of a megabyte",
          [](Json& json) { json["runtime-data"]["tee-pubkey"]["x"] = std::string(1 << 20, 'A'); }),
      Field("initdata-1-mib", "initdata of more than a megabyte",
            [](Json& json) {
              json["init-data"] = {{"format", "toml"},
                                   {"body", StrCat("a = '", std::string(1100 << 10, 'a'), "'")}};
            }),
      Field("additional-1-mib", "additional evidence of a megabyte",
            [](Json& json) {
              json["tee-evidence"]["additional_evidence"] = std::string(1 << 20, ' ');
            }),
      Field("key-of-members", "a key of ten thousand members", [](Json& json) {
        for (int i = 0; i < 10'000; ++i) {
          json["runtime-data"]["tee-pubkey"][StrCat("m", i)] = "";
        }
      })};
}

}  // namespace

Family SizeAttacks() {
  std::vector<Case> cases;
  for (auto& more : {Bodies(), Heads(), Fields()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return {.suite = "attack", .name = "size", .cases = std::move(cases)};
}

}  // namespace nacre::attestation::harness
