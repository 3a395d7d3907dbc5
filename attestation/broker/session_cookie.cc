#include "attestation/broker/session_cookie.h"

#include <algorithm>

#include "attestation/protocol/messages.h"
#include "base/bytes.h"
#include "base/encoding.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kKeySize = 32;
constexpr size_t kIvSize = 12;
constexpr size_t kMaxCookie = 64 << 10;
constexpr std::string_view kAad = "nacre-kbs session v3";

absl::Status NotOurs() { return absl::UnauthenticatedError("session cookie is not ours"); }

// Sealed, so of one shape: u64 expiry, u8 size and TEE, u8 size and nonce, token; big-endian.
absl::StatusOr<Session> ReadSession(ByteView bytes) {
  ByteReader reader(bytes);
  Session session;
  ASSIGN_OR_RETURN(const uint64_t expires_at, reader.U64Be("session"));
  session.expires_at = static_cast<int64_t>(expires_at);
  for (std::string* text : {&session.tee, &session.nonce}) {
    ASSIGN_OR_RETURN(const uint8_t size, reader.U8("session"));
    ASSIGN_OR_RETURN(const ByteView value, reader.Take(size, "session"));
    *text = std::string(AsText(value));
  }
  session.token = std::string(AsText(bytes.subspan(reader.offset())));
  return session;
}

absl::StatusOr<Bytes> WriteSession(const Session& session) {
  ByteWriter out;
  out.U64Be(static_cast<uint64_t>(session.expires_at));
  for (const std::string* text : {&session.tee, &session.nonce}) {
    if (text->size() > 0xff) return absl::InvalidArgumentError("session: text too long");
    out.U8(static_cast<uint8_t>(text->size())).Put(*text);
  }
  return out.Put(session.token).Release();
}

}  // namespace

absl::StatusOr<SessionSealer> SessionSealer::Create(SecretBytes key) {
  if (key.size() != kKeySize) {
    return absl::InvalidArgumentError("session key has " + std::to_string(key.size()) +
                                      " bytes, expected 32");
  }
  return SessionSealer(OneKey("file", std::move(key)));
}

absl::StatusOr<std::string> SessionSealer::Seal(const Session& session) const {
  ASSIGN_OR_RETURN(const Bytes text, WriteSession(session));
  ASSIGN_OR_RETURN(const std::shared_ptr<const ServiceKey> key, keys_->Current());
  const Bytes iv = crypto::RandomBytes(kIvSize);
  ASSIGN_OR_RETURN(const Bytes sealed,
                   crypto::Aes256GcmSeal(key->material.view(), iv, AsBytes(kAad), text));
  ByteWriter out;
  out.U8(static_cast<uint8_t>(key->id.size())).Put(key->id).Put(ByteView(iv));
  out.Put(ByteView(sealed));
  return Base64UrlEncode(out.bytes());
}

absl::StatusOr<Session> SessionSealer::Open(std::string_view value, int64_t now) const {
  if (value.size() > kMaxCookie) return NotOurs();
  auto sealed = Base64UrlDecode(value);
  if (!sealed.ok()) return NotOurs();
  ByteReader reader(*sealed);
  const auto id_size = reader.U8("cookie");
  if (!id_size.ok()) return NotOurs();
  const auto id = reader.Take(*id_size, "cookie");
  const auto iv = reader.Take(kIvSize, "cookie");
  if (!id.ok() || !iv.ok()) return NotOurs();
  auto key = keys_->Find(AsText(*id));
  if (absl::IsNotFound(key.status())) return NotOurs();
  RETURN_IF_ERROR(key.status(), "session keys");
  auto text = crypto::Aes256GcmOpen((*key)->material.view(), *iv, AsBytes(kAad),
                                    ByteView(*sealed).subspan(reader.offset()));
  if (!text.ok()) return NotOurs();
  ASSIGN_OR_RETURN(Session session, ReadSession(text->view()));
  if (session.expires_at <= now) return absl::UnauthenticatedError("session has expired");
  return session;
}

std::string SetCookieHeader(std::string_view value, int64_t max_age_s) {
  return std::string(kSessionCookie) + "=" + std::string(value) +
         "; Path=/kbs/v0; Max-Age=" + std::to_string(std::max<int64_t>(max_age_s, 0)) +
         "; HttpOnly; Secure; SameSite=Strict";
}

std::string_view FindSessionCookie(std::string_view header) {
  while (!header.empty()) {
    size_t semicolon = header.find(';');
    std::string_view pair = header.substr(0, semicolon);
    header.remove_prefix(semicolon == std::string_view::npos ? header.size() : semicolon + 1);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(kSessionCookie) && pair.substr(kSessionCookie.size()).starts_with('=')) {
      return pair.substr(kSessionCookie.size() + 1);
    }
  }
  return {};
}

}  // namespace nacre::attestation
