#include "tee/tpm/exchange.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::tee::tpm {
namespace {

absl::StatusOr<Json> ParseLine(std::string_view line, std::string_view where) {
  ASSIGN_OR_RETURN(Json json, ParseJson(line, {.max_size = kMaxTpmDocument, .max_depth = 8}),
                   where);
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(where, ": not an object"));
  return json;
}

absl::StatusOr<Bytes> Base64Member(const Json& json, std::string_view key, std::string_view where) {
  ASSIGN_OR_RETURN(std::string text, JsonString(json, key, where));
  return Base64Decode(text);
}

std::string Line(const Json& json) { return DumpJson(json).value() + "\n"; }

}  // namespace

std::string FormatHello(const Hello& hello) {
  return Line({{"ek_certificate", Base64Encode(hello.ek_certificate)},
               {"ak_public", Base64Encode(hello.ak_public)}});
}

std::string FormatChallenge(const Challenge& challenge) {
  return Line({{"id_object", Base64Encode(challenge.credential.id_object)},
               {"encrypted_secret", Base64Encode(challenge.credential.encrypted_secret)},
               {"nonce", Base64Encode(challenge.nonce)}});
}

std::string FormatAnswer(const Answer& answer) {
  return StrCat("{\"secret\":\"", Base64Encode(answer.secret),
                "\",\"evidence\":", FormatTpmDocument(answer.document), "}\n");
}

absl::StatusOr<Hello> ParseHello(std::string_view line) {
  ASSIGN_OR_RETURN(Json json, ParseLine(line, "hello"));
  Hello out;
  ASSIGN_OR_RETURN(out.ek_certificate, Base64Member(json, "ek_certificate", "hello"));
  ASSIGN_OR_RETURN(out.ak_public, Base64Member(json, "ak_public", "hello"));
  return out;
}

absl::StatusOr<Challenge> ParseChallenge(std::string_view line) {
  ASSIGN_OR_RETURN(Json json, ParseLine(line, "challenge"));
  Challenge out;
  ASSIGN_OR_RETURN(out.credential.id_object, Base64Member(json, "id_object", "challenge"));
  ASSIGN_OR_RETURN(out.credential.encrypted_secret,
                   Base64Member(json, "encrypted_secret", "challenge"));
  ASSIGN_OR_RETURN(out.nonce, Base64Member(json, "nonce", "challenge"));
  return out;
}

absl::StatusOr<Answer> ParseAnswer(std::string_view line) {
  ASSIGN_OR_RETURN(Json json, ParseLine(line, "answer"));
  Answer out;
  ASSIGN_OR_RETURN(out.secret, Base64Member(json, "secret", "answer"));
  ASSIGN_OR_RETURN(const Json* document, JsonObject(json, "evidence", "answer"));
  ASSIGN_OR_RETURN(std::string text, DumpJson(*document));
  ASSIGN_OR_RETURN(out.document, ParseTpmDocument(text));
  return out;
}

absl::StatusOr<std::string> ReadJsonLine(int fd, size_t max_size, const Deadline& deadline) {
  std::string line;
  char byte = 0;
  for (;;) {
    pollfd wait = {fd, POLLIN, 0};
    const int ready = poll(&wait, 1, deadline.RemainingMillis());
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return absl::DeadlineExceededError("no answer in time");
    const ssize_t got = read(fd, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::UnavailableError("the other side has gone");
    if (byte != '\n') {
      if (line.size() == max_size) return absl::ResourceExhaustedError("a line is too long");
      line.push_back(byte);
      continue;
    }
    const size_t begin = line.find('{');
    if (begin != std::string::npos) return line.substr(begin);
    line.clear();
  }
}

}  // namespace nacre::tee::tpm
