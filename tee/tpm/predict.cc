#include "tee/tpm/predict.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/eventlog/event_log.h"
#include "tee/eventlog/log_writer.h"
#include "tee/tdx/authenticode.h"
#include "tee/tdx/linux_boot.h"

namespace nacre::tee::tpm {
namespace {

using eventlog::Bank;
using eventlog::BankDigest;

// EFI_GLOBAL_VARIABLE and EFI_IMAGE_SECURITY_DATABASE_GUID, as they lie in memory.
constexpr uint8_t kGlobalVariable[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                       0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
constexpr uint8_t kSecurityDatabase[] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                         0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};

absl::StatusOr<crypto::HashAlgorithm> HashOf(Bank bank) {
  if (const auto sha2 = eventlog::Sha2OfBank(bank)) return *sha2;
  return absl::InvalidArgumentError("PCR prediction: not for the sha1 bank");
}

class Predictor {
 public:
  Predictor(const BootInputs& inputs, Bank bank) : inputs_(inputs) { out_.bank = bank; }

  absl::StatusOr<PcrPrediction> Run() {
    AddSecureBoot();
    ASSIGN_OR_RETURN(Bytes kernel, KernelDigest());
    Add(4, "kernel image", std::move(kernel));
    AddAction(4, "Calling EFI Application from Boot Option");
    for (uint32_t pcr : {3, 4, 5, 6}) AddMeasured(pcr, "separator", Bytes(4));
    AddKernelEntry();
    AddAction(5, "Exit Boot Services Invocation");
    AddAction(5, "Exit Boot Services Returned with Success");
    for (const PredictedEvent& event : out_.events) {
      Bytes& value = out_.pcrs.try_emplace(event.pcr, BankSize(out_.bank)).first->second;
      value = eventlog::Extended(out_.bank, value, event.digest);
    }
    return std::move(out_);
  }

 private:
  void Add(uint32_t pcr, std::string name, Bytes digest) {
    out_.events.push_back({pcr, std::move(name), std::move(digest)});
  }
  void AddMeasured(uint32_t pcr, std::string name, ByteView data) {
    Add(pcr, std::move(name), BankDigest(out_.bank, data));
  }
  void AddAction(uint32_t pcr, std::string_view action) {
    AddMeasured(pcr, std::string(action), AsBytes(action));
  }

  // Off, and no keys: the variable store as the firmware package ships it.
  void AddSecureBoot() {
    const struct {
      ByteView vendor;
      std::string_view name;
      size_t zeros;
    } variables[] = {{kGlobalVariable, "SecureBoot", 1},
                     {kGlobalVariable, "PK", 0},
                     {kGlobalVariable, "KEK", 0},
                     {kSecurityDatabase, "db", 0},
                     {kSecurityDatabase, "dbx", 0}};
    for (const auto& variable : variables) {
      AddMeasured(
          7, StrCat("variable ", variable.name),
          eventlog::EncodeUefiVariable(variable.vendor, variable.name, Bytes(variable.zeros)));
    }
    AddMeasured(7, "separator", Bytes(4));
  }

  absl::StatusOr<Bytes> KernelDigest() {
    ASSIGN_OR_RETURN(crypto::HashAlgorithm hash, HashOf(out_.bank));
    if (!inputs_.patched_kernel) return tdx::AuthenticodeDigest(hash, inputs_.kernel);
    const uint64_t initrd_size = inputs_.initrd ? inputs_.initrd->size() : 0;
    ASSIGN_OR_RETURN(Bytes patched,
                     tdx::PatchSetupHeader(inputs_.kernel, initrd_size, inputs_.command_line,
                                           inputs_.memory_bytes));
    return tdx::AuthenticodeDigest(hash, patched);
  }

  // UTF-16 with its final NUL; OVMF tells the kernel where to find the initrd.
  void AddKernelEntry() {
    std::string options = inputs_.command_line;
    if (inputs_.initrd) options += " initrd=initrd";
    if (!options.empty()) {
      ByteWriter wide;
      for (char c : options) wide.U8(static_cast<uint8_t>(c)).U8(0);
      AddMeasured(9, "command line", wide.U16Le(0).bytes());
    }
    if (inputs_.initrd) AddMeasured(9, "initrd", *inputs_.initrd);
  }

  const BootInputs& inputs_;
  PcrPrediction out_;
};

}  // namespace

absl::StatusOr<PcrPrediction> PredictPcrs(const BootInputs& inputs, Bank bank) {
  RETURN_IF_ERROR(HashOf(bank).status());
  return Predictor(inputs, bank).Run();
}

absl::StatusOr<std::string> FirstDifference(const PcrPrediction& prediction, ByteView event_log) {
  ASSIGN_OR_RETURN(eventlog::EventLog log,
                   eventlog::EventLog::Parse(event_log, eventlog::Registers::kPcr));
  std::map<uint32_t, std::vector<Bytes>> logged;
  for (size_t i = 0; i < log.size(); ++i) {
    const eventlog::Event event = log.event(i);
    const auto digest = event.digest(prediction.bank);
    if (event.type != eventlog::kNoAction && digest)
      logged[event.index].push_back(ToBytes(*digest));
  }
  std::map<uint32_t, size_t> next;
  for (const PredictedEvent& event : prediction.events) {
    const std::vector<Bytes>& digests = logged[event.pcr];
    const size_t at = next[event.pcr]++;
    if (at < digests.size() && digests[at] == event.digest) continue;
    return StrCat("PCR ", event.pcr, ": ", event.name, ": expected ", HexEncode(event.digest),
                  ", the log has ", at < digests.size() ? HexEncode(digests[at]) : "nothing");
  }
  for (const auto& [pcr, count] : next) {
    if (logged[pcr].size() > count) {
      return StrCat("PCR ", pcr, ": the log has ", logged[pcr].size() - count, " events more");
    }
  }
  return std::string();
}

}  // namespace nacre::tee::tpm
