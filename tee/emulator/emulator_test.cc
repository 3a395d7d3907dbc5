// The emulator as a guest meets it: the program itself, a socket where QEMU would put the port, the
// guest's client, and the verifier that does not know the difference.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "tee/emulator/client.h"
#include "tee/emulator/firmware_image.h"
#include "tee/emulator/identity.h"
#include "tee/emulator/platform.h"
#include "tee/emulator/server.h"
#include "tee/sev/launch_digest.h"
#include "tee/sev/verify.h"

namespace nacre::tee::emulator {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNow = 1'800'000'000;
constexpr int kPatience = 20000;  // milliseconds before a test gives up

ReportData Nonce(uint8_t first) {
  ReportData data;
  data.bytes[0] = first;
  return data;
}

class EmulatorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(CreateIdentity(Path("chip"), {.now = kNow, .rsa_bits = 2048}).ok());
    ASSERT_TRUE(WriteFile(Path("fw"), BuildStandInFirmware()).ok());
    ASSERT_TRUE(WriteFile(Path("kernel"), AsBytes("a kernel")).ok());
    inputs_.firmware_path = Path("fw");
    inputs_.kernel_path = Path("kernel");
    inputs_.command_line = "nacre.tee=emulated";
    inputs_.host_data.fill(0x42);
    WriteLaunch();
  }

  std::string Path(std::string_view name) const { return StrCat(folder_.path(), "/", name); }
  void WriteLaunch() {
    const std::string text = SerializeLaunchInputs(inputs_).value();
    ASSERT_TRUE(WriteFile(Path("launch.json"), AsBytes(text)).ok());
  }

  Platform NewPlatform() {
    return Platform::Create(LoadIdentity(Path("chip")).value(), inputs_).value();
  }

  // Starts `serve` on a socket and waits until it says it is ready.
  Subprocess Start(const std::string& socket, int stdin_fd = -1) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    SubprocessOptions options;
    options.argv = {std::string(NACRE_BIN_DIR) + "/nacre-tee-emulator",
                    "serve",
                    "--dir",
                    Path("chip"),
                    "--launch",
                    Path("launch.json"),
                    "--socket",
                    socket,
                    "--ready-fd",
                    "9"};
    options.stdin_fd = stdin_fd;
    options.stderr_fd = STDERR_FILENO;
    options.inherit = {{write_end.get(), 9}};
    auto process = Subprocess::Start(options);
    EXPECT_TRUE(process.ok()) << process.status();
    write_end.Reset();
    uint8_t said[6];
    EXPECT_TRUE(ReadExact(read_end.get(), said).ok());
    EXPECT_EQ(AsText(said), "ready\n");
    return *std::move(process);
  }

  sev::SnpTrust Trust() const {
    sev::SnpTrust trust;
    trust.roots.push_back(
        sev::EmulatedRootFromPem(ReadTextFile(Path("chip/ark.pem"), 1 << 16).value()).value());
    return trust;
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("emulator").value();
  LaunchInputs inputs_;
};

TEST_F(EmulatorTest, ReportsAreGenuineToTheVerifier) {
  const Platform platform = NewPlatform();
  Evidence evidence{.kind = TeeKind::kSnp,
                    .emulated = true,
                    .report = platform.SignReport(Nonce(7)).value(),
                    .auxiliary = platform.certificate_table()};
  ASSERT_EQ(evidence.report.size(), 1184u);
  Appraisal appraisal;
  const auto report =
      sev::VerifySnp(sev::SnpEvidenceFrom(evidence).value(), Trust(), {}, kNow, &appraisal);
  ASSERT_TRUE(report) << appraisal.refusal;
  EXPECT_TRUE(appraisal.emulated);
  EXPECT_EQ(report->version, 3u);
  EXPECT_EQ(report->vmpl, 0u);
  EXPECT_EQ(report->report_data, Nonce(7).bytes);
  EXPECT_EQ(report->host_data, inputs_.host_data);
  EXPECT_EQ(ToBytes(report->measurement), sev::MeasureLaunch(inputs_).value().digest);
}

TEST_F(EmulatorTest, IsNotTrustedUnlessConfigured) {
  const Platform platform = NewPlatform();
  Evidence evidence;
  evidence.report = platform.SignReport(Nonce(7)).value();
  evidence.auxiliary = platform.certificate_table();
  Appraisal appraisal;
  EXPECT_FALSE(sev::VerifySnp(sev::SnpEvidenceFrom(evidence).value(), {}, {}, kNow, &appraisal));
  EXPECT_THAT(appraisal.refusal, HasSubstr("no trusted root key"));
}

TEST_F(EmulatorTest, AnswersOnlyProperRequests) {
  const Platform platform = NewPlatform();
  EXPECT_EQ(platform.Answer({FrameType::kQuoteRequest, {}, Bytes(64)}).type,
            FrameType::kQuoteReply);
  EXPECT_EQ(platform.Answer({FrameType::kQuoteRequest, {}, Bytes(63)}).type, FrameType::kError);
  EXPECT_EQ(platform.Answer({FrameType::kQuoteRequest, {}, Bytes(65)}).type, FrameType::kError);
  EXPECT_EQ(platform.Answer({FrameType::kQuoteReply, {}, Bytes(64)}).type, FrameType::kError);
}

TEST_F(EmulatorTest, RefusesLaunchesItCannotMeasure) {
  inputs_.mode = LaunchMode::kSev;
  EXPECT_FALSE(Platform::Create(LoadIdentity(Path("chip")).value(), inputs_).ok());
  inputs_.mode = LaunchMode::kSnp;
  inputs_.kernel_path = Path("absent");
  EXPECT_EQ(Platform::Create(LoadIdentity(Path("chip")).value(), inputs_).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(EmulatorTest, ClientGetsEvidenceFromTheProgram) {
  Subprocess process = Start(Path("socket"));
  EmulatedEvidenceSource source(Path("socket"), kPatience);
  const auto evidence = source.Quote(Nonce(9));
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_TRUE(evidence->emulated);
  Appraisal appraisal;
  EXPECT_TRUE(
      sev::VerifySnp(sev::SnpEvidenceFrom(*evidence).value(), Trust(), {}, kNow, &appraisal))
      << appraisal.refusal;
  // The client has closed its end, as QEMU does when the guest is gone.
  EXPECT_EQ(process.WaitFor(kPatience).value().code, 0);
  EXPECT_FALSE(PathExists(Path("socket")));
}

TEST_F(EmulatorTest, EndsWhenStdinCloses) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  Subprocess process = Start(Path("socket"), read_end.get());
  read_end.Reset();
  write_end.Reset();
  EXPECT_EQ(process.WaitFor(kPatience).value().code, 0);
}

TEST_F(EmulatorTest, SaysWhyItDoesNotStart) {
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::string(NACRE_BIN_DIR) + "/nacre-tee-emulator");
    SubprocessOptions options;
    options.argv = std::move(arguments);
    const CommandResult result = RunCommand(options).value();
    EXPECT_EQ(result.exit.code, 1);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
    return result.err;
  };
  EXPECT_THAT(run({"sing"}), HasSubstr("unknown verb 'sing'"));
  EXPECT_THAT(run({"serve"}), HasSubstr("--dir is required"));
  EXPECT_THAT(run({"serve", "--dir", Path("chip"), "--launch", Path("launch.json")}),
              HasSubstr("one of --socket and --fd"));
  EXPECT_THAT(run({"serve", "--dir", Path("chip"), "--launch", Path("none.json"), "--socket",
                   Path("socket")}),
              HasSubstr("none.json"));
  inputs_.kernel_path = Path("nokernel");
  WriteLaunch();
  EXPECT_THAT(run({"serve", "--dir", Path("chip"), "--launch", Path("launch.json"), "--socket",
                   Path("socket")}),
              HasSubstr("nokernel"));
  EXPECT_THAT(run({"init", "--dir", Path("chip")}), HasSubstr("already holds"));
  EXPECT_THAT(run({"init", "--dir", Path("new"), "--product", "Naples"}), HasSubstr("Naples"));
  EXPECT_THAT(run({"serve", "--dir", Path("chip"), "--launch", Path("launch.json"), "--socket",
                   Path("fw")}),
              HasSubstr("no socket"));
}

TEST_F(EmulatorTest, FirmwareVerbWritesTheImage) {
  SubprocessOptions options;
  options.argv = {std::string(NACRE_BIN_DIR) + "/nacre-tee-emulator", "firmware", "--out",
                  Path("out.fd")};
  EXPECT_EQ(RunCommand(options).value().exit.code, 0);
  EXPECT_EQ(ReadFile(Path("out.fd"), 1 << 20).value(), BuildStandInFirmware());
}

// A peer on a socket that does what the test says, in a thread.
template <typename Peer>
absl::Status QuoteFrom(const std::string& path, int timeout_ms, Peer peer) {
  const UniqueFd listener = ListenUnix(path).value();
  std::thread thread([&] {
    const UniqueFd connection = AcceptOne(listener.get(), {}).value();
    peer(connection.get());
  });
  EmulatedEvidenceSource source(path, timeout_ms);
  const absl::Status status = source.Quote(Nonce(1)).status();
  thread.join();
  return status;
}

// The guest's request, read to its end.
Frame ReadRequest(int fd) {
  Bytes bytes(kHeaderSize + kReportDataSize);
  EXPECT_TRUE(ReadExact(fd, bytes).ok());
  FrameScanner scanner(kReportDataSize);
  scanner.Append(bytes);
  return scanner.Next({FrameType::kQuoteRequest}).value();
}

TEST_F(EmulatorTest, ClientSkipsOldBytesAndOtherAnswers) {
  const Platform platform = NewPlatform();
  const absl::Status status = QuoteFrom(Path("socket"), kPatience, [&](int fd) {
    const Frame request = ReadRequest(fd);
    Frame other = platform.Answer(request);
    other.id = RequestId{9};
    (void)WriteAll(fd, Bytes(3000, 0xaa));
    (void)WriteAll(fd, EncodeFrame(other));
    (void)WriteAll(fd, EncodeFrame(platform.Answer(request)));
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(EmulatorTest, ClientRefusesBadAnswers) {
  const Platform platform = NewPlatform();
  EXPECT_EQ(QuoteFrom(Path("s1"), kPatience, [](int fd) { ReadRequest(fd); }).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(
      QuoteFrom(Path("s2"), kPatience,
                [](int fd) {
                  const Frame request = ReadRequest(fd);
                  (void)WriteAll(fd, EncodeFrame({FrameType::kQuoteReply, request.id, Bytes(100)}));
                })
          .code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(QuoteFrom(Path("s3"), kPatience,
                      [&](int fd) {
                        Frame request = ReadRequest(fd);
                        request.payload[0] ^= 1;  // a report over other data
                        (void)WriteAll(fd, EncodeFrame(platform.Answer(request)));
                      })
                .code(),
            absl::StatusCode::kDataLoss);
  const absl::Status refused = QuoteFrom(Path("s4"), kPatience, [](int fd) {
    const Frame request = ReadRequest(fd);
    (void)WriteAll(fd, EncodeFrame({FrameType::kError, request.id, ToBytes("no reports today")}));
  });
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no reports today"));
}

TEST_F(EmulatorTest, ClientGivesUpInTime) {
  const absl::Status status = QuoteFrom(Path("socket"), 50, [](int fd) {
    ReadRequest(fd);
    uint8_t byte;
    EXPECT_EQ(read(fd, &byte, 1), 0);  // silent until the client has closed
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(EmulatedSource, AbsentPortIsNotFound) {
  EmulatedEvidenceSource source("/nonexistent/port", 100);
  EXPECT_EQ(source.Quote({}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace nacre::tee::emulator
