// Everything in this room that reads bytes it did not make. The first byte picks the reader. What
// is read well must come back the same when written.

#include <cstdlib>

#include "tee/common/launch_inputs.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/certificates.h"
#include "tee/sev/firmware.h"
#include "tee/sev/report.h"

namespace nacre::tee {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void ReadReport(ByteView input) {
  const auto report = sev::ParseReport(input);
  if (!report.ok()) return;
  Require(sev::SerializeReport(*report) == ToBytes(input));
  (void)sev::ReportSignature(*report).ok();
  (void)sev::ReportProduct(*report);
}

void ReadTable(ByteView input) {
  const auto entries = sev::ParseCertificateTable(input);
  if (!entries.ok()) return;
  const auto table = sev::BuildCertificateTable(*entries);
  Require(table.ok() && sev::ParseCertificateTable(*table).value() == *entries);
}

void ReadLaunchDocument(ByteView input) {
  const auto inputs = ParseLaunchInputs(AsText(input));
  if (inputs.ok()) Require(SerializeLaunchInputs(*inputs).ok());
}

void ReadFrames(ByteView input) {
  emulator::FrameScanner scanner(256);
  while (!input.empty()) {
    const ByteView piece = input.first(std::min<size_t>(input.size(), 7));
    scanner.Append(piece);
    while (scanner.Next({emulator::FrameType::kQuoteRequest})) continue;
    input = input.subspan(piece.size());
  }
}

}  // namespace
}  // namespace nacre::tee

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const nacre::ByteView input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      nacre::tee::ReadReport(input);
      break;
    case 1:
      nacre::tee::ReadTable(input);
      break;
    case 2:
      (void)nacre::tee::sev::ParseFirmware(input).ok();
      break;
    case 3:
      nacre::tee::ReadLaunchDocument(input);
      break;
    default:
      nacre::tee::ReadFrames(input);
  }
  return 0;
}
