// A function stands in for the kernel's ioctl, a thread at a unix socket for the quote service.

#include "tee/tdx/guest_device.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::tee::tdx {
namespace {

// A quote whose report data is that of the TDREPORT (offset 128 there, 568 in a version 4 quote).
Bytes QuoteOf(ByteView td_report) {
  ByteWriter quote;
  quote.U16Le(4).Zeros(46).Zeros(520).Put(td_report.subspan(128, 64)).Zeros(500);
  return quote.Release();
}

Bytes Answer(ByteView quote, uint32_t error = 0, uint32_t id_size = 0) {
  ByteWriter out;
  out.U16Le(1).U16Le(1).U32Le(1);
  out.U32Le(static_cast<uint32_t>(24 + id_size + quote.size())).U32Le(error);
  out.U32Le(id_size).U32Le(static_cast<uint32_t>(quote.size())).Zeros(id_size).Put(quote);
  return out.Release();
}

// Takes one connection, reads one request, and sends what `answer` makes of its TDREPORT.
class Service {
 public:
  explicit Service(std::function<Bytes(ByteView td_report)> answer) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path_ = folder_.path() + "/qgs";
    std::copy(path_.begin(), path_.end(), address.sun_path);
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    thread_ = std::jthread([this, answer = std::move(answer)] { Serve(answer); });
  }
  ~Service() { shutdown(listener_.get(), SHUT_RDWR); }
  const std::string& path() const { return path_; }

 private:
  void Serve(const std::function<Bytes(ByteView)>& answer) {
    const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
    Bytes request(4 + 24 + kTdReportSize);
    if (!peer.valid() || !ReadExact(peer.get(), request).ok()) return;
    EXPECT_EQ(ByteReader(request).U32Be("size").value(), 24 + kTdReportSize);
    EXPECT_EQ(Bytes(request.begin() + 4, request.end()),
              EncodeQuoteRequest(ByteView(request).subspan(28)));
    WriteAll(peer.get(), answer(ByteView(request).subspan(28))).IgnoreError();
  }

  TemporaryDirectory folder_ = TemporaryDirectory::Create("qgs").value();
  std::string path_;
  UniqueFd listener_;
  std::jthread thread_;
};

Bytes Framed(ByteView message) {
  ByteWriter out;
  out.U32Be(static_cast<uint32_t>(message.size())).Put(message);
  return out.Release();
}

int GetReport(int, unsigned long request, void* argument) {
  EXPECT_EQ(request, 0xc4405401ul);  // _IOWR('T', 1, 64 + 1024 bytes)
  auto* bytes = static_cast<uint8_t*>(argument);
  std::memcpy(bytes + 64 + 128, bytes, 64);
  return 0;
}

ReportData Data() {
  ReportData data;
  data.bytes.fill(0x33);
  return data;
}

absl::StatusOr<Evidence> Quote(const std::string& socket, int timeout_ms = 10'000) {
  const QgsAddress address{.unix_path = socket, .timeout_ms = timeout_ms};
  return GuestDeviceSource("/dev/null", address, GetReport).Quote(Data());
}

TEST(TdxGuestDevice, ReportBecomesAQuote) {
  for (uint32_t id_size : {0u, 16u}) {
    Service service([&](ByteView report) { return Framed(Answer(QuoteOf(report), 0, id_size)); });
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, Quote(service.path()));
    EXPECT_EQ(evidence.kind, TeeKind::kTdx);
    EXPECT_EQ(evidence.report.size(), 1132u);
    EXPECT_TRUE(evidence.auxiliary.empty());
  }
}

TEST(TdxGuestDevice, ItsOwnReportNeedsNoService) {
  GuestDeviceSource source("/dev/null", {.unix_path = "/nonexistent/qgs"}, GetReport);
  ASSERT_OK_AND_ASSIGN(const Evidence own, source.OwnReport(Data()));
  EXPECT_EQ(own.kind, TeeKind::kTdx);
  ASSERT_EQ(own.report.size(), kTdReportSize);
  EXPECT_EQ(Bytes(own.report.begin() + 128, own.report.begin() + 192), Bytes(64, 0x33));
}

TEST(TdxGuestDevice, RefusalsOfTheService) {
  Service failing([](ByteView) { return Framed(Answer({}, 0x12001)); });
  EXPECT_STATUS(Quote(failing.path()), kUnavailable, "code 0x12001");
  Service other([](ByteView) { return Framed(Answer(QuoteOf(Bytes(kTdReportSize)))); });
  EXPECT_STATUS(Quote(other.path()), kDataLoss, "other report data");
  Service rubbish([](ByteView) { return Framed(Bytes(40, 7)); });
  EXPECT_STATUS(Quote(rubbish.path()), kDataLoss, "message version");
  Service huge([](ByteView) { return Bytes{0x40, 0, 0, 0}; });
  EXPECT_STATUS(Quote(huge.path()), kDataLoss, "at most");
  Service cut([](ByteView) { return Bytes{0, 0, 0, 9, 1}; });
  EXPECT_STATUS(Quote(cut.path()), kDataLoss, "ends inside");
}

TEST(TdxGuestDevice, NobodyThereAndSilence) {
  EXPECT_STATUS(Quote("/nonexistent/qgs"), kUnavailable, "/nonexistent/qgs");
  TemporaryDirectory folder = TemporaryDirectory::Create("qgs").value();
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder.path() + "/s";
  std::copy(path.begin(), path.end(), address.sun_path);
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  EXPECT_STATUS(Quote(path, 20), kDeadlineExceeded, "no answer in time");
}

TEST(TdxGuestDevice, DeviceErrorsAreNamed) {
  EXPECT_STATUS(GuestDeviceSource("/nonexistent/tdx_guest").Quote(Data()), kNotFound, "tdx_guest");
  EXPECT_FALSE(GuestDeviceSource("/dev/null").Quote(Data()).ok());
  EXPECT_STATUS(GuestDeviceSource("/nonexistent/x").OwnReport(Data()), kNotFound, "/nonexistent/x");
  EXPECT_FALSE(GuestDeviceSource("/dev/null").OwnReport(Data()).ok());
}

TEST(QgsMessages, ResponsesAreReadStrictly) {
  const Bytes good = Answer(Bytes(10, 1), 0, 3);
  EXPECT_EQ(DecodeQuoteResponse(good).value(), Bytes(10, 1));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(DecodeQuoteResponse(ByteView(good).first(size)).ok()) << size;
  }
  for (size_t at : {0, 4, 8, 16, 20}) {  // version, type, size, id size, quote size
    Bytes bad = good;
    bad[at] ^= 0x40;
    EXPECT_FALSE(DecodeQuoteResponse(bad).ok()) << at;
    bad[at + (at == 0 ? 1 : 3)] = 0xff;
    EXPECT_FALSE(DecodeQuoteResponse(bad).ok()) << at;
  }
  EXPECT_FALSE(DecodeQuoteResponse(Answer({})).ok());
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(DecodeQuoteResponse(longer).ok());
}

}  // namespace
}  // namespace nacre::tee::tdx
