// Everything in this room that reads bytes it did not make. The first byte picks the reader. What
// is read well must come back the same when written.

#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/common/launch_inputs.h"
#include "tee/emulator/firmware_image.h"
#include "tee/emulator/protocol.h"
#include "tee/sev/certificates.h"
#include "tee/sev/firmware.h"
#include "tee/sev/id_block.h"
#include "tee/sev/report.h"
#include "tee/tdx/qgs.h"

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

void ReadIdBlock(ByteView input) {
  const size_t block = std::min(input.size(), sev::kIdBlockSize);
  const auto parsed = sev::ParseIdBlock(input.first(block));
  if (parsed.ok()) Require(sev::SerializeIdBlock(*parsed) == ToBytes(input.first(block)));
  (void)sev::VerifyIdAuth(input.first(block), input.subspan(block)).ok();
}

void ReadQuoteResponse(ByteView input) {
  const auto quote = tdx::DecodeQuoteResponse(input);
  if (quote.ok()) Require(!quote->empty() && quote->size() < input.size());
}

void TrySevParsers(ByteView data) {
  if (data.empty()) return;
  const ByteView input = data.subspan(1);
  switch (data[0] % 7) {
    case 0:
      return ReadReport(input);
    case 1:
      return ReadTable(input);
    case 2:
      return (void)sev::ParseFirmware(input).ok();
    case 3:
      return ReadLaunchDocument(input);
    case 4:
      return ReadFrames(input);
    case 5:
      return ReadIdBlock(input);
    default:
      return ReadQuoteResponse(input);
  }
}

std::vector<std::string> SevParserSeeds() {
  sev::Report report;
  report.version = 5;
  LaunchInputs inputs;
  inputs.firmware_path = "fw";
  ByteWriter response;
  response.U16Le(1).U16Le(1).U32Le(1).U32Le(28).U32Le(0).U32Le(0).U32Le(4).Zeros(4);
  std::vector<Bytes> seeds = {
      sev::SerializeReport(report),
      sev::BuildCertificateTable(
          {{sev::CertificateKind::kVcek, {1, 2}}, {sev::CertificateKind::kCrl, {3}}})
          .value(),
      ToBytes(ByteView(emulator::BuildStandInFirmware()).last(512)),
      ToBytes(SerializeLaunchInputs(inputs).value()),
      emulator::EncodeFrame({emulator::FrameType::kQuoteRequest, {}, Bytes(64)}),
      sev::SerializeIdBlock({}),
      response.Release(),
  };
  std::vector<std::string> out;
  for (size_t i = 0; i < seeds.size(); ++i) {
    out.push_back(std::string(1, static_cast<char>(i)) + ToString(seeds[i]));
  }
  return out;
}

}  // namespace
}  // namespace nacre::tee

NACRE_FUZZ_TARGET(SevParsers, nacre::tee::TrySevParsers, nacre::tee::SevParserSeeds)
