// What SNP evidence costs beyond the cryptography it must do. Each promise of SPECIFICATION.md is a
// pair here: ours, and the bare OpenSSL calls it cannot do without.
//
//   Report/cached      over Bare/p384              at most 1.10
//   Report/uncached    over Bare/chain_and_report  at most 1.15
//   Parse                                          under 2 us
//   LaunchDigest       over Bare/launch_hashing    at most 1.10
//
// The chain is an emulated one: RSA-4096 and P-384 keys as AMD's, RSASSA-PSS with SHA-384.
#include <benchmark/benchmark.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "base/file.h"
#include "crypto/digest.h"
#include "tee/emulator/firmware_image.h"
#include "tee/emulator/identity.h"
#include "tee/sev/launch_digest.h"
#include "tee/sev/verify.h"

namespace nacre::tee::sev {
namespace {

constexpr int64_t kNow = 1'800'000'000;

struct Machine {
  emulator::Identity identity;
  SnpEvidence evidence;
  SnpTrust trust;
};

const Machine& TestMachine() {
  static const Machine* machine = [] {
    const auto folder = TemporaryDirectory::Create("snp_bench").value();
    const std::string path = folder.path() + "/chip";
    if (!emulator::CreateIdentity(path, {.now = kNow}).ok()) std::abort();
    auto* out = new Machine{emulator::LoadIdentity(path).value(), {}, {}};
    Report report;
    report.version = 3;
    report.policy.value = 0x30000;
    report.signature_algorithm = 1;
    report.cpuid_family = 0x19;
    report.cpuid_model = 1;
    report.chip_id = out->identity.chip_id;
    report.current_tcb = report.reported_tcb = report.committed_tcb = report.launch_tcb =
        out->identity.tcb;
    const Bytes unsigned_report = SerializeReport(report);
    const auto signature = out->identity.leaf_key.SignEcdsa(
        crypto::HashAlgorithm::kSha384, ByteView(unsigned_report).first(kSignedSize));
    SetReportSignature(signature.value(), &report).IgnoreError();
    out->evidence.report = SerializeReport(report);
    out->evidence.certificates =
        ParseCertificateTable(emulator::IdentityTable(out->identity).value()).value();
    out->trust.roots.push_back(EmulatedRootFromPem(out->identity.ark.ToPem()).value());
    return out;
  }();
  return *machine;
}

void Verify(benchmark::State& state, EndorsementCache* cache) {
  const Machine& machine = TestMachine();
  for (auto _ : state) {
    Appraisal appraisal;
    if (!VerifySnp(machine.evidence, machine.trust, {}, kNow, &appraisal, cache)) {
      state.SkipWithError(appraisal.refusal.c_str());
      return;
    }
  }
}

void ReportCached(benchmark::State& state) {
  EndorsementCache cache;
  Verify(state, &cache);
}
void ReportUncached(benchmark::State& state) { Verify(state, nullptr); }

// The report's signature as OpenSSL wants it, DER, made once.
Bytes DerSignature() {
  const Bytes raw = ReportSignature(ParseReport(TestMachine().evidence.report).value()).value();
  ECDSA_SIG* signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(raw.data(), 48, nullptr),
                 BN_bin2bn(raw.data() + 48, 48, nullptr));
  uint8_t* data = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &data);
  Bytes out(data, data + size);
  OPENSSL_free(data);
  ECDSA_SIG_free(signature);
  return out;
}

// Certificates as OpenSSL has them, for the life of the program.
X509* Openssl(const crypto::Certificate& certificate) {
  const uint8_t* cursor = certificate.der().data();
  return d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size()));
}

bool BareReportSignature(EVP_PKEY* key, const Bytes& signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good = EVP_DigestVerifyInit(context, nullptr, EVP_sha384(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context, signature.data(), signature.size(),
                                     TestMachine().evidence.report.data(), kSignedSize) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

void BareP384(benchmark::State& state) {
  const Bytes signature = DerSignature();
  EVP_PKEY* key = X509_get0_pubkey(Openssl(TestMachine().identity.leaf));
  for (auto _ : state) {
    if (!BareReportSignature(key, signature)) state.SkipWithError("signature");
  }
}

// Root by itself, intermediate, leaf, report: keys and certificates decoded beforehand.
void BareChainAndReport(benchmark::State& state) {
  const emulator::Identity& identity = TestMachine().identity;
  const Bytes signature = DerSignature();
  X509* root = Openssl(identity.ark);
  X509* intermediate = Openssl(identity.intermediate);
  X509* leaf = Openssl(identity.leaf);
  EVP_PKEY* ark = X509_get0_pubkey(root);
  EVP_PKEY* ask = X509_get0_pubkey(intermediate);
  EVP_PKEY* vcek = X509_get0_pubkey(leaf);
  for (auto _ : state) {
    if (X509_verify(root, ark) != 1 || X509_verify(intermediate, ark) != 1 ||
        X509_verify(leaf, ask) != 1 || !BareReportSignature(vcek, signature)) {
      state.SkipWithError("signature");
    }
  }
}

void Parse(benchmark::State& state) {
  const Bytes& bytes = TestMachine().evidence.report;
  for (auto _ : state) benchmark::DoNotOptimize(ParseReport(bytes));
}

constexpr size_t kFirmwareSize = 4 << 20;
constexpr size_t kKernelSize = 12 << 20;
constexpr size_t kInitrdSize = 4 << 20;

// The small stand-in firmware at the end of 4 MiB: its tables are found from the end.
Bytes LargeFirmware() {
  Bytes image(kFirmwareSize, 0x90);
  const Bytes small = emulator::BuildStandInFirmware();
  std::copy(small.begin(), small.end(), image.end() - static_cast<ptrdiff_t>(small.size()));
  return image;
}

void LaunchDigest(benchmark::State& state) {
  const Bytes firmware = LargeFirmware(), kernel(kKernelSize, 1), initrd(kInitrdSize, 2);
  LaunchInputs inputs;
  inputs.firmware_path = inputs.kernel_path = inputs.initrd_path = "x";
  for (auto _ : state) {
    const auto measurement = MeasureLaunch(inputs, firmware, kernel, initrd);
    if (!measurement.ok()) state.SkipWithError("measurement");
  }
}

// SHA-384 of every page of firmware and of the 112 bytes that fold it in; SHA-256 of kernel,
// initrd and, since a measurement names its inputs by digest, firmware.
void BareLaunchHashing(benchmark::State& state) {
  const Bytes firmware = LargeFirmware(), kernel(kKernelSize, 1), initrd(kInitrdSize, 2);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  uint8_t out[64];
  const auto hash = [&](const EVP_MD* algorithm, const uint8_t* data, size_t size) {
    EVP_DigestInit_ex(context, algorithm, nullptr);
    EVP_DigestUpdate(context, data, size);
    EVP_DigestFinal_ex(context, out, nullptr);
  };
  for (auto _ : state) {
    for (size_t at = 0; at < firmware.size(); at += 4096) {
      hash(EVP_sha384(), firmware.data() + at, 4096);
      hash(EVP_sha384(), firmware.data() + at, 112);
    }
    for (const Bytes* file : {&firmware, &kernel, &initrd}) {
      hash(EVP_sha256(), file->data(), file->size());
    }
    benchmark::DoNotOptimize(out);
  }
  EVP_MD_CTX_free(context);
}

BENCHMARK(BareP384)->Name("Bare/p384");
BENCHMARK(ReportCached)->Name("Report/cached");
BENCHMARK(BareChainAndReport)->Name("Bare/chain_and_report");
BENCHMARK(ReportUncached)->Name("Report/uncached");
BENCHMARK(Parse)->Name("Parse");
BENCHMARK(BareLaunchHashing)->Name("Bare/launch_hashing")->Unit(benchmark::kMillisecond);
BENCHMARK(LaunchDigest)->Name("LaunchDigest")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nacre::tee::sev

BENCHMARK_MAIN();
