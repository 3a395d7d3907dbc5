#include "image-rs-cpp/testing/test_sigstore.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "image-rs-cpp/signature/bundle.h"
#include "image-rs-cpp/signature/merkle.h"
#include "image-rs-cpp/signature/sign.h"

namespace nacre::image::testing {
namespace {

constexpr auto kSha256 = crypto::HashAlgorithm::kSha256;

// The tree by its definition (RFC 6962 section 2.1), and the path by the same recursion.
Bytes TreeHash(const std::vector<Bytes>& leaves) {
  if (leaves.size() == 1) return leaves[0];
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  const auto middle = leaves.begin() + static_cast<ptrdiff_t>(split);
  return MerkleNodeHash(TreeHash({leaves.begin(), middle}), TreeHash({middle, leaves.end()}));
}

std::vector<Bytes> AuditPath(size_t index, const std::vector<Bytes>& leaves) {
  if (leaves.size() == 1) return {};
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  const auto middle = leaves.begin() + static_cast<ptrdiff_t>(split);
  const std::vector<Bytes> left(leaves.begin(), middle), right(middle, leaves.end());
  std::vector<Bytes> path =
      index < split ? AuditPath(index, left) : AuditPath(index - split, right);
  path.push_back(TreeHash(index < split ? right : left));
  return path;
}

Bytes Tlv(uint8_t tag, ByteView value) {
  Bytes out = {tag};
  if (value.size() >= 0x80) out.push_back(0x81);
  out.push_back(static_cast<uint8_t>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
  return out;
}

crypto::Certificate MakeAuthority(const std::string& name, const crypto::PublicKey& key,
                                  const crypto::Certificate* issuer,
                                  const crypto::PrivateKey& issuer_key) {
  crypto::CertificateRequest request;
  request.subject = {{"O", "sigstore.example"}, {"CN", name}};
  request.not_before = kSigningTime - 1'000'000;
  request.not_after = kSigningTime + 1'000'000;
  request.is_ca = true;
  return crypto::MakeCertificate(request, key, issuer, issuer_key,
                                 crypto::SignatureScheme::kEcdsaSha256)
      .value();
}

}  // namespace

crypto::PrivateKey NewKey() { return crypto::PrivateKey::GenerateEc(crypto::Curve::kP256).value(); }

std::string PemOf(const crypto::PrivateKey& key) { return key.public_key().ToPem().value(); }

TestLog::TestLog(size_t before, size_t after) : key_(NewKey()), before_(before), after_(after) {}

std::string TestLog::SignedNote(const std::string& text) const {
  Bytes line = crypto::Digest(kSha256, key_.public_key().ToSpkiDer().value());
  line.resize(4);
  const Bytes signature = SignPayload(key_, AsBytes(text)).value();
  line.insert(line.end(), signature.begin(), signature.end());
  return StrCat(text, "\n\xe2\x80\x94 log.example ", Base64Encode(line), "\n");
}

void TestLog::Promise(LogEntry* entry) const {
  const Json promised = {{"body", Base64Encode(entry->body)},
                         {"integratedTime", entry->integrated_time},
                         {"logID", HexEncode(entry->log_id)},
                         {"logIndex", entry->log_index}};
  entry->promise = SignPayload(key_, AsBytes(promised.dump())).value();
}

LogEntry TestLog::Add(const std::string& body, int64_t time) {
  LogEntry entry;
  entry.body = ToBytes(body);
  entry.integrated_time = time;
  entry.log_index = 1000 + before_;
  entry.log_id = crypto::Digest(kSha256, key_.public_key().ToSpkiDer().value());
  Promise(&entry);
  std::vector<Bytes> leaves;
  for (size_t i = 0; i < before_ + 1 + after_; ++i) {
    leaves.push_back(
        MerkleLeafHash(i == before_ ? AsBytes(body) : AsBytes(StrCat("other entry ", i))));
  }
  InclusionProof proof;
  proof.index = before_;
  proof.tree_size = leaves.size();
  proof.root = TreeHash(leaves);
  proof.hashes = AuditPath(before_, leaves);
  proof.checkpoint = SignedNote(
      StrCat("log.example - 1\n", proof.tree_size, "\n", Base64Encode(proof.root), "\n"));
  entry.proof = std::move(proof);
  return entry;
}

std::string HashedRekord(ByteView signed_bytes, ByteView signature, const std::string& verifier) {
  const Json body = {{"apiVersion", "0.0.1"},
                     {"kind", "hashedrekord"},
                     {"spec",
                      {{"data",
                        {{"hash",
                          {{"algorithm", "sha256"},
                           {"value", HexEncode(crypto::Digest(kSha256, signed_bytes))}}}}},
                       {"signature",
                        {{"content", Base64Encode(signature)},
                         {"publicKey", {{"content", Base64Encode(AsBytes(verifier))}}}}}}}};
  return body.dump();
}

std::string DsseEntry(ByteView payload, ByteView signature, const std::string& verifier) {
  const Json hash = {{"algorithm", "sha256"},
                     {"value", HexEncode(crypto::Digest(kSha256, payload))}};
  const Json logged = {{"signature", Base64Encode(signature)},
                       {"verifier", Base64Encode(AsBytes(verifier))}};
  const Json body = {
      {"apiVersion", "0.0.1"},
      {"kind", "dsse"},
      {"spec",
       {{"envelopeHash", hash}, {"payloadHash", hash}, {"signatures", Json::array({logged})}}}};
  return body.dump();
}

std::string LogAnnotation(const LogEntry& entry) {
  const Json json = {{"SignedEntryTimestamp", Base64Encode(entry.promise)},
                     {"Payload",
                      {{"body", Base64Encode(entry.body)},
                       {"integratedTime", entry.integrated_time},
                       {"logIndex", entry.log_index},
                       {"logID", HexEncode(entry.log_id)}}}};
  return json.dump();
}

Json LogJson(const LogEntry& entry) {
  Json json = {{"logIndex", std::to_string(entry.log_index)},
               {"logId", {{"keyId", Base64Encode(entry.log_id)}}},
               {"integratedTime", std::to_string(entry.integrated_time)},
               {"canonicalizedBody", Base64Encode(entry.body)}};
  if (!entry.promise.empty()) {
    json["inclusionPromise"] = {{"signedEntryTimestamp", Base64Encode(entry.promise)}};
  }
  if (!entry.proof) return json;
  Json hashes = Json::array();
  for (const Bytes& hash : entry.proof->hashes) hashes.push_back(Base64Encode(hash));
  json["inclusionProof"] = {{"logIndex", std::to_string(entry.proof->index)},
                            {"treeSize", std::to_string(entry.proof->tree_size)},
                            {"rootHash", Base64Encode(entry.proof->root)},
                            {"hashes", hashes},
                            {"checkpoint", {{"envelope", entry.proof->checkpoint}}}};
  return json;
}

TestAuthority::TestAuthority()
    : root_key_(NewKey()),
      key_(NewKey()),
      root_(MakeAuthority("root", root_key_.public_key(), nullptr, root_key_)),
      intermediate_(MakeAuthority("intermediate", key_.public_key(), &root_, root_key_)) {}

crypto::Certificate TestAuthority::Issue(const crypto::PublicKey& key,
                                         const SubjectOptions& options) const {
  crypto::CertificateRequest request;
  request.not_before = options.not_before;
  request.not_after = options.not_after;
  const Bytes name =
      options.uri.empty() ? Tlv(0x81, AsBytes(options.email)) : Tlv(0x86, AsBytes(options.uri));
  request.extensions.push_back({"2.5.29.17", Tlv(0x30, name), true});
  if (options.code_signing) {
    const Bytes oid = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03};
    request.extensions.push_back({"2.5.29.37", Tlv(0x30, oid), false});
  }
  if (options.raw_issuer) {
    request.extensions.push_back({"1.3.6.1.4.1.57264.1.1", ToBytes(options.issuer), false});
  } else if (!options.issuer.empty()) {
    request.extensions.push_back(
        {"1.3.6.1.4.1.57264.1.8", Tlv(0x0c, AsBytes(options.issuer)), false});
  }
  return crypto::MakeCertificate(request, key, &intermediate_, key_,
                                 crypto::SignatureScheme::kEcdsaSha256)
      .value();
}

std::string SignStatement(const std::string& digest) {
  const Json subject = {{"digest", {{"sha256", digest.substr(digest.find(':') + 1)}}}};
  const Json statement = {{"_type", "https://in-toto.io/Statement/v1"},
                          {"subject", Json::array({subject})},
                          {"predicateType", "https://sigstore.dev/cosign/sign/v1"},
                          {"predicate", Json::object()}};
  return statement.dump();
}

Json BundleOf(const BundleParts& parts) {
  Json material = Json::object();
  if (parts.certificates.empty()) {
    material["publicKey"] = {{"hint", "key"}};
  } else {
    material["certificate"] = {{"rawBytes", Base64Encode(parts.certificates[0].der())}};
  }
  if (parts.entry) material["tlogEntries"] = Json::array({LogJson(*parts.entry)});
  const Json signature = {{"sig", Base64Encode(parts.signature)}};
  return {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial", material},
          {"dsseEnvelope",
           {{"payload", Base64Encode(AsBytes(parts.payload))},
            {"payloadType", kStatementPayload},
            {"signatures", Json::array({signature})}}}};
}

}  // namespace nacre::image::testing
