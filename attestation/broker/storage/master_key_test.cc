// Master keys in a token (softhsm2) and in a TPM (swtpm); those in files are in sealer_test.cc.
#include "attestation/broker/storage/master_key.h"

#include <cstdlib>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/random.h"
#include "tee/tpm/swtpm_testing.h"

namespace nacre::attestation {
namespace {

constexpr const char* kModule = "/usr/lib/softhsm/libsofthsm2.so";

void ExpectWrapsAndUnwraps(MasterKey& key) {
  const SecretBytes data_key = crypto::RandomSecret(32);
  ASSERT_OK_AND_ASSIGN(Bytes wrapped, key.Wrap("data key 1", data_key));
  ASSERT_OK_AND_ASSIGN(SecretBytes back, key.Unwrap("data key 1", wrapped));
  EXPECT_EQ(ToBytes(back.view()), ToBytes(data_key.view()));
  EXPECT_STATUS(key.Unwrap("data key 2", wrapped), kUnauthenticated, "");
  for (size_t i : {size_t{0}, size_t{12}, wrapped.size() - 1}) {
    Bytes changed = wrapped;
    changed[i] ^= 1;
    EXPECT_STATUS(key.Unwrap("data key 1", changed), kUnauthenticated, "");
  }
  EXPECT_STATUS(key.Unwrap("data key 1", ByteView(wrapped).first(11)), kUnauthenticated, "");
}

// The module reads its configuration once in a process, so its folder is the process's too.
struct SoftToken {
  SoftToken() : folder(*TemporaryDirectory::Create("token")) {
    const std::string conf = folder.path() + "/softhsm2.conf";
    status = MakeDirectories(folder.path() + "/tokens", 0700);
    if (status.ok()) {
      status = WriteFile(conf, AsBytes(StrCat("directories.tokendir = ", folder.path(),
                                              "/tokens\nobjectstore.backend = file\n")));
    }
    setenv("SOFTHSM2_CONF", conf.c_str(), 1);
    if (status.ok()) status = WriteFile(folder.path() + "/pin", AsBytes("1234\n"), 0600);
    if (!status.ok()) return;
    SubprocessOptions options;
    options.argv = {"softhsm2-util", "--init-token", "--free",   "--label", "nacre test",
                    "--pin",         "1234",         "--so-pin", "5678"};
    auto made = RunCommand(options);
    status = !made.ok()             ? made.status()
             : made->exit.code == 0 ? absl::OkStatus()
                                    : absl::InternalError(made->err);
  }
  std::string Uri(const std::string& object, const std::string& pin = "pin") const {
    return StrCat("pkcs11:token=nacre%20test;object=", object, "?module-path=", kModule,
                  "&pin-source=file:", folder.path(), "/", pin);
  }
  TemporaryDirectory folder;
  absl::Status status;
};

class Pkcs11Test : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PathExists(kModule)) GTEST_SKIP() << kModule << " is not installed";
    static SoftToken shared;
    token = &shared;
    ASSERT_OK(token->status);
  }
  SoftToken* token = nullptr;
};

TEST_F(Pkcs11Test, AKeyMadeInTheTokenWrapsDataKeys) {
  const std::string uri = token->Uri("master");
  EXPECT_STATUS(OpenMasterKey(uri, ""), kNotFound, "no such key");
  ASSERT_OK(CreateMasterKey(uri, ""));
  EXPECT_STATUS(CreateMasterKey(uri, ""), kAlreadyExists, "master");
  ASSERT_OK_AND_ASSIGN(auto key, OpenMasterKey(uri, ""));
  ExpectWrapsAndUnwraps(*key);
  ASSERT_OK_AND_ASSIGN(auto again, OpenMasterKey(uri, ""));
  ASSERT_OK_AND_ASSIGN(Bytes wrapped, key->Wrap("x", crypto::RandomSecret(32)));
  EXPECT_OK(again->Unwrap("x", wrapped));
  ASSERT_OK(CreateMasterKey(token->Uri("another"), ""));
  ASSERT_OK_AND_ASSIGN(auto another, OpenMasterKey(token->Uri("another"), ""));
  EXPECT_STATUS(another->Unwrap("x", wrapped), kUnauthenticated, "");
}

TEST_F(Pkcs11Test, AWrongPinIsTold) {
  ASSERT_OK(WriteFile(token->folder.path() + "/wrong", AsBytes("9999"), 0600));
  EXPECT_STATUS(OpenMasterKey(token->Uri("x", "wrong"), ""), kPermissionDenied, "PIN");
  ASSERT_OK(WriteFile(token->folder.path() + "/open", AsBytes("1234"), 0644));
  EXPECT_STATUS(OpenMasterKey(token->Uri("x", "open"), ""), kFailedPrecondition, "chmod");
}

TEST_F(Pkcs11Test, WhatTheUriLacksOrHasTooMuchIsNamed) {
  EXPECT_STATUS(OpenMasterKey("pkcs11:token=a", ""), kInvalidArgument, "module-path");
  EXPECT_STATUS(OpenMasterKey("pkcs11:token=a;colour=b", ""), kInvalidArgument, "colour");
  EXPECT_STATUS(OpenMasterKey("pkcs11:token=a?pin-value=1", ""), kInvalidArgument, "PIN");
  EXPECT_STATUS(OpenMasterKey("pkcs11:token=%zz", ""), kInvalidArgument, "hex");
  EXPECT_STATUS(OpenMasterKey("pkcs11:token=a;object=b?module-path=/no/module.so&pin-source=p", ""),
                kNotFound, "/no/module.so");
  std::string other = token->Uri("master");
  other.erase(other.find("nacre%20test"), 5);
  EXPECT_STATUS(OpenMasterKey(other, ""), kNotFound, "no token");
}

class TpmMasterKeyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tpm = tee::tpm::SoftwareTpm::Start();
    if (absl::IsNotFound(tpm.status())) GTEST_SKIP() << tpm.status();
    ASSERT_OK(tpm);
    tpm_ = *std::move(tpm);
  }
  std::unique_ptr<tee::tpm::SoftwareTpm> tpm_;
  TemporaryDirectory folder = *TemporaryDirectory::Create("sealed");
};

TEST_F(TpmMasterKeyTest, ASealedKeyOpensOnItsMachine) {
  const std::string uri = StrCat("tpm:sealed.json?device=", tpm_->socket(), "&pcrs=0,7");
  ASSERT_OK(CreateMasterKey(uri, folder.path()));
  EXPECT_STATUS(CreateMasterKey(uri, folder.path()), kAlreadyExists, "sealed.json");
  ASSERT_OK_AND_ASSIGN(auto key, OpenMasterKey(uri, folder.path()));
  ExpectWrapsAndUnwraps(*key);
  ASSERT_OK_AND_ASSIGN(auto again, OpenMasterKey(uri, folder.path()));
  ASSERT_OK_AND_ASSIGN(Bytes wrapped, key->Wrap("x", crypto::RandomSecret(32)));
  EXPECT_OK(again->Unwrap("x", wrapped));
}

TEST_F(TpmMasterKeyTest, WhatIsWrongIsNamed) {
  EXPECT_STATUS(OpenMasterKey("tpm:", ""), kInvalidArgument, "tpm:FILE");
  EXPECT_STATUS(OpenMasterKey("tpm:f?pcrs=x", ""), kInvalidArgument, "'x'");
  EXPECT_STATUS(OpenMasterKey("tpm:f?colour=x", ""), kInvalidArgument, "colour");
  EXPECT_STATUS(OpenMasterKey("tpm:none.json", folder.path()), kNotFound, "none.json");
  ASSERT_OK(WriteFile(folder.path() + "/bad.json", AsBytes("{}")));
  EXPECT_STATUS(OpenMasterKey("tpm:bad.json", folder.path()), kInvalidArgument, "bad.json");
}

}  // namespace
}  // namespace nacre::attestation
