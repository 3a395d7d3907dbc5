// TLS client certificates, by curl: asked for, not demanded, and only those of the configured root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/broker/identity_testing.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "net/http_server.h"

namespace nacre::attestation {
namespace {

using testing::Identity;
using testing::MakeIdentity;

class ClientCertificateTest : public ::testing::Test {
 protected:
  ClientCertificateTest() {
    net::HttpServerOptions options;
    options.tls_certificate_chain_pem = server_identity.certificate.ToPem();
    options.tls_private_key_pem = *server_identity.key.ToPem();
    options.client_ca_pem = root.certificate.ToPem();
    server = *net::HttpServer::Start(std::move(options), [](const net::HttpServerRequest& asked) {
      return net::MakeResponse(200, "text/plain",
                               asked.client_subject + " " + asked.client_certificate_sha256);
    });
    Write("server.pem", server_identity.certificate.ToPem());
  }
  ~ClientCertificateTest() override { server->Stop(); }

  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = folder.path() + "/" + name;
    EXPECT_TRUE(WriteFile(path, AsBytes(text)).ok());
    return path;
  }
  // What the server said, or "failed".
  std::string Ask(const Identity* client) {
    SubprocessOptions options;
    options.argv = {"curl", "--silent", "--cacert", folder.path() + "/server.pem"};
    if (client != nullptr) {
      const std::string pem = client->certificate.ToPem() + client->key_pem();
      options.argv.insert(options.argv.end(), {"--cert", Write("client.pem", pem)});
    }
    options.argv.push_back(server->url());
    auto result = RunCommand(std::move(options));
    return result.ok() && result->exit.code == 0 ? result->out : "failed";
  }

  TemporaryDirectory folder = *TemporaryDirectory::Create("clients");
  Identity root = MakeIdentity("root", nullptr);
  Identity server_identity = MakeIdentity("server", nullptr, true);
  std::unique_ptr<net::HttpServer> server;
};

TEST_F(ClientCertificateTest, TheRootsClientsAreKnownByNameAndFingerprint) {
  const Identity client = MakeIdentity("ci", &root);
  EXPECT_EQ(Ask(&client),
            "CN=ci " + HexEncode(client.certificate.Fingerprint(crypto::HashAlgorithm::kSha256)));
  EXPECT_EQ(Ask(nullptr), " ");
}

TEST_F(ClientCertificateTest, OthersGetNoConnection) {
  const Identity other_root = MakeIdentity("root", nullptr);
  const Identity stranger = MakeIdentity("ci", &other_root);
  EXPECT_EQ(Ask(&stranger), "failed");
  const Identity itself = MakeIdentity("ci", nullptr);
  EXPECT_EQ(Ask(&itself), "failed");
}

}  // namespace
}  // namespace nacre::attestation
