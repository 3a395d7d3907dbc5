#include "attestation/harness/guest.h"

#include "base/file.h"
#include "base/strings.h"
#include "tee/select_source.h"
#include "tee/sev/report.h"

namespace nacre::attestation::harness {
namespace {

constexpr size_t kMaxEvidenceFile = 4 << 20;

class SourceGuest : public Guest {
 public:
  SourceGuest(std::unique_ptr<tee::EvidenceSource> source, EvidenceKind kind)
      : source_(std::move(source)), kind_(kind) {}
  std::string Describe() const override { return std::string(source_->name()); }
  EvidenceKind kind() const override { return kind_; }
  absl::StatusOr<Json> Evidence(const tee::ReportData& report_data) override {
    ASSIGN_OR_RETURN(const tee::Evidence evidence, source_->Quote(report_data));
    ASSIGN_OR_RETURN(const EvidenceMessage message, EvidenceFromSource(evidence, std::nullopt));
    return EvidenceToJson(message);
  }

 private:
  std::unique_ptr<tee::EvidenceSource> source_;
  EvidenceKind kind_;
};

class StoredGuest : public Guest {
 public:
  StoredGuest(std::string path, EvidenceKind kind, Json evidence)
      : path_(std::move(path)), kind_(kind), evidence_(std::move(evidence)) {}
  std::string Describe() const override { return "file " + path_; }
  EvidenceKind kind() const override { return kind_; }
  absl::StatusOr<Json> Evidence(const tee::ReportData&) override { return evidence_; }
  bool fresh() const override { return false; }

 private:
  std::string path_;
  EvidenceKind kind_;
  Json evidence_;
};

// Which kind a document of the protocol is, by the member that only this kind has.
std::optional<EvidenceKind> KindOfJson(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  if (json.contains("attestation_report")) return EvidenceKind::kSnp;
  if (json.contains("quote") && json["quote"].is_string()) return EvidenceKind::kTdx;
  if (json.contains("ak_public")) return EvidenceKind::kTpm;
  if (json.contains("vcek")) return EvidenceKind::kAzureSnp;
  if (json.contains("td_quote")) return EvidenceKind::kAzureTdx;
  return std::nullopt;
}

absl::StatusOr<EvidenceMessage> FromRaw(const Bytes& bytes) {
  tee::Evidence evidence;
  if (bytes.size() >= tee::sev::kReportSize &&
      tee::sev::ParseReport(ByteView(bytes).first(tee::sev::kReportSize)).ok()) {
    evidence.kind = tee::TeeKind::kSnp;
    evidence.report.assign(bytes.begin(), bytes.begin() + tee::sev::kReportSize);
    evidence.auxiliary.assign(bytes.begin() + tee::sev::kReportSize, bytes.end());
  } else {
    evidence.kind = tee::TeeKind::kTdx;
    evidence.report = bytes;
  }
  return EvidenceFromSource(evidence, std::nullopt);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Guest>> LocalGuest() {
  ASSIGN_OR_RETURN(std::unique_ptr<tee::EvidenceSource> source, tee::SelectEvidenceSource(""));
  ASSIGN_OR_RETURN(const tee::Evidence first, source->Quote({}), source->name());
  return std::make_unique<SourceGuest>(std::move(source), EvidenceKindOf(first.kind));
}

absl::StatusOr<std::unique_ptr<Guest>> FileGuest(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxEvidenceFile));
  if (auto json = ParseJson(AsText(bytes)); json.ok()) {
    std::optional<EvidenceKind> kind = KindOfJson(*json);
    if (!kind) return absl::InvalidArgumentError(path + ": JSON, but of no kind of evidence");
    return std::make_unique<StoredGuest>(path, *kind, *std::move(json));
  }
  ASSIGN_OR_RETURN(const EvidenceMessage message, FromRaw(bytes), path);
  ASSIGN_OR_RETURN(Json json, EvidenceToJson(message));
  return std::make_unique<StoredGuest>(path, message.kind, std::move(json));
}

}  // namespace nacre::attestation::harness
