// A function stands in for the kernel's ioctl; /dev/null for the device.

#include "tee/sev/guest_device.h"

#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "base/status_testing.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {
namespace {

// A host and its firmware.
struct Kernel {
  uint32_t busy_times = 0;
  size_t table_needs = 4096;
  bool has_extended = true;
  uint32_t firmware_error = 0;
  uint32_t message_status = 0;
  uint32_t report_size = kReportSize;
  bool other_report_data = false;
  int calls = 0;
  int pauses = 0;
  uint32_t vmpl = 99;

  int Fail(snp_guest_request_ioctl* argument, uint32_t host, uint32_t firmware) {
    argument->exitinfo2 = static_cast<uint64_t>(host) << 32 | firmware;
    errno = EIO;
    return -1;
  }

  int Ioctl(unsigned long request, void* raw) {
    ++calls;
    auto* argument = static_cast<snp_guest_request_ioctl*>(raw);
    EXPECT_EQ(argument->msg_version, 1);
    if (busy_times > 0) {
      --busy_times;
      return Fail(argument, SNP_GUEST_VMM_ERR_BUSY, 0);
    }
    auto* plain = reinterpret_cast<snp_report_req*>(argument->req_data);
    if (request == SNP_GET_EXT_REPORT) {
      if (!has_extended) {
        errno = ENOTTY;
        return -1;
      }
      auto* extended = reinterpret_cast<snp_ext_report_req*>(argument->req_data);
      if (extended->certs_len < table_needs) {
        extended->certs_len = static_cast<uint32_t>(table_needs);
        return Fail(argument, SNP_GUEST_VMM_ERR_INVALID_LEN, 0);
      }
      const Bytes table = BuildCertificateTable({{CertificateKind::kVcek, {1, 2, 3}}}).value();
      std::copy(table.begin(), table.end(), reinterpret_cast<uint8_t*>(extended->certs_address));
    }
    if (firmware_error != 0) return Fail(argument, 0, firmware_error);
    vmpl = plain->vmpl;
    Report report;
    report.version = 3;
    std::copy_n(plain->user_data, 64, report.report_data.begin());
    if (other_report_data) report.report_data[0] ^= 1;
    ByteWriter out;
    out.U32Le(message_status).U32Le(report_size).Zeros(24).Put(SerializeReport(report));
    auto* response = reinterpret_cast<snp_report_resp*>(argument->resp_data);
    std::copy(out.bytes().begin(), out.bytes().end(), response->data);
    return 0;
  }

  absl::StatusOr<Evidence> Quote(uint32_t level = 0) {
    GuestDeviceOptions options;
    options.vmpl = level;
    options.ioctl = [this](int, unsigned long request, void* argument) {
      return Ioctl(request, argument);
    };
    options.pause = [this](int) { ++pauses; };
    options.max_throttled = 3;
    return GuestDeviceSource("/dev/null", options).Quote(Data());
  }
  static ReportData Data() {
    ReportData data;
    data.bytes.fill(0x5a);
    return data;
  }
};

TEST(SnpGuestDevice, GivesReportAndCertificates) {
  Kernel kernel;
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, kernel.Quote(2));
  EXPECT_EQ(evidence.kind, TeeKind::kSnp);
  EXPECT_EQ(ParseReport(evidence.report)->report_data, Kernel::Data().bytes);
  ASSERT_OK_AND_ASSIGN(const auto table, ParseCertificateTable(evidence.auxiliary));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(kernel.calls, 1);
  EXPECT_EQ(kernel.vmpl, 2u);
}

TEST(SnpGuestDevice, GrowsTheBufferToWhatTheHostWants) {
  Kernel kernel{.table_needs = 5 * 4096};
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, kernel.Quote());
  EXPECT_EQ(evidence.auxiliary.size(), 5u * 4096);
  EXPECT_EQ(kernel.calls, 2);
}

TEST(SnpGuestDevice, AbsurdSizesGiveAReportWithoutCertificates) {
  for (size_t needs : {size_t{16 * 1024 + 1}, kMaxCertificateTable + 4096, size_t{1} << 30}) {
    Kernel kernel{.table_needs = needs};
    ASSERT_OK_AND_ASSIGN(const Evidence evidence, kernel.Quote());
    EXPECT_TRUE(evidence.auxiliary.empty()) << needs;
  }
}

TEST(SnpGuestDevice, HostsWithoutExtendedRequestsGiveTheReport) {
  Kernel kernel{.has_extended = false};
  ASSERT_OK_AND_ASSIGN(const Evidence evidence, kernel.Quote());
  EXPECT_TRUE(evidence.auxiliary.empty());
  EXPECT_EQ(kernel.calls, 2);
}

TEST(SnpGuestDevice, WaitsOutThrottlingButNotForEver) {
  Kernel kernel{.busy_times = 2};
  EXPECT_OK(kernel.Quote());
  EXPECT_EQ(kernel.pauses, 2);
  Kernel always{.busy_times = 1000};
  EXPECT_STATUS(always.Quote(), kUnavailable, "throttles");
  EXPECT_EQ(always.calls, 3);
}

TEST(SnpGuestDevice, RefusalsAreExplained) {
  Kernel firmware{.firmware_error = 0x16};
  EXPECT_STATUS(firmware.Quote(), kInternal, "SNP_GET_REPORT: the firmware refused with code 0x16");
  Kernel level{.message_status = 0x16};
  EXPECT_STATUS(level.Quote(), kInternal, "VMPL");
  Kernel status{.message_status = 0x99};
  EXPECT_STATUS(status.Quote(), kInternal, "0x99");
  Kernel size{.report_size = kReportSize - 1};
  EXPECT_STATUS(size.Quote(), kDataLoss, "1183 bytes");
  Kernel other{.other_report_data = true};
  EXPECT_STATUS(other.Quote(), kDataLoss, "other report data");
}

TEST(SnpGuestDevice, MissingDeviceIsNamed) {
  EXPECT_STATUS(GuestDeviceSource("/nonexistent/sev-guest").Quote({}), kNotFound,
                "/nonexistent/sev-guest");
  // A file that is no such device.
  EXPECT_STATUS(GuestDeviceSource("/dev/null").Quote({}), kInternal, "SNP_GET_REPORT");
}

}  // namespace
}  // namespace nacre::tee::sev
