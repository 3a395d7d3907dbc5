// Order of a direct boot, as edk2 makes it and CCEL logs show it: the memory list and the variable
// store, before any driver runs; the Secure Boot variables and a separator; the ACPI tables, once
// PCI is enumerated; the kernel, when it is loaded; the boot entries, the announcement of the boot
// and another separator, when it is started; then the kernel's EFI entry measures its command line
// and initrd; last, the firmware's word that its services ended.

#include "tee/tdx/rtmr.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/guid.h"
#include "tee/tdx/authenticode.h"
#include "tee/tdx/linux_boot.h"
#include "tee/tdx/td_hob.h"

namespace nacre::tee::tdx {
namespace {

constexpr auto kSha384 = crypto::HashAlgorithm::kSha384;
constexpr Guid kGlobalVariable = MakeGuid("8be4df61-93ca-11d2-aa0d-00e098032b8c");
constexpr Guid kImageSecurity = MakeGuid("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
// Where OVMF's boot menu lives: its firmware volume, and in it the UiApp file.
constexpr Guid kDxeVolume = MakeGuid("7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1");
constexpr Guid kUiApp = MakeGuid("462caa21-7614-4503-836e-8ab6f4662331");
constexpr KernelVersion kEntryMeasuresFrom = {6, 9};

constexpr size_t kLoaderCommandSize = 128;
constexpr size_t kLoaderNameSize = 56;
constexpr uint32_t kLoaderAllocate = 1;
constexpr size_t kMaxFwCfgFile = 4 << 20;
constexpr size_t kMaxLoaderFiles = 32;

Bytes Sha384(ByteView data) { return crypto::Digest(kSha384, data); }

Bytes Utf16(std::string_view text) {
  ByteWriter out;
  for (char c : text) out.U16Le(static_cast<uint8_t>(c));
  return out.Release();
}

// UEFI_VARIABLE_DATA: what is measured of a configuration variable.
RtmrEvent Variable(const Guid& vendor, std::string_view name, ByteView value) {
  ByteWriter out;
  out.Put(vendor).U64Le(name.size()).U64Le(value.size()).Put(Utf16(name)).Put(value);
  return {0, StrCat("variable ", name), Sha384(out.bytes())};
}

RtmrEvent Separator(int index) { return {index, "separator", Sha384(Bytes(4))}; }

RtmrEvent Action(std::string_view text) {
  return {1, StrCat("action '", text, "'"), Sha384(AsBytes(text))};
}

// EFI_LOAD_OPTION of the one boot entry OVMF makes for a guest without disks: its own menu.
Bytes BootMenuOption() {
  ByteWriter path;
  path.U8(4).U8(7).U16Le(20).Put(kDxeVolume);  // media: firmware volume
  path.U8(4).U8(6).U16Le(20).Put(kUiApp);      // media: file in it
  path.U8(0x7f).U8(0xff).U16Le(4);             // end
  ByteWriter out;
  out.U32Le(0x109);  // active, hidden, an application
  out.U16Le(static_cast<uint16_t>(path.size())).Put(Utf16("UiApp")).U16Le(0).Put(path.bytes());
  return out.Release();
}

absl::StatusOr<Bytes> VariableStore(ByteView firmware, const std::vector<TdvfSection>& sections) {
  for (const TdvfSection& section : sections) {
    if (section.type != TdvfSectionType::kCfv) continue;
    return ToBytes(firmware.subspan(section.data_offset, section.data_size));
  }
  return absl::InvalidArgumentError("the firmware has no variable store (CFV) to measure");
}

absl::Status AddAcpi(const FwCfgFiles& files, std::vector<RtmrEvent>* events) {
  const auto loader = files.find(kTableLoader);
  if (loader == files.end()) {
    return absl::InvalidArgumentError(StrCat("ACPI tables: ", kTableLoader, " is missing"));
  }
  ASSIGN_OR_RETURN(const auto names, TableLoaderFiles(loader->second), "ACPI tables");
  events->push_back({0, "ACPI table loader", Sha384(loader->second)});
  for (const std::string& name : names) {
    const auto file = files.find(name);
    if (file == files.end()) {
      return absl::InvalidArgumentError(StrCat("ACPI tables: ", name, " is missing"));
    }
    events->push_back({0, StrCat("ACPI ", name), Sha384(file->second)});
  }
  return absl::OkStatus();
}

bool EntryMeasures(const RtmrInputs& inputs) {
  if (inputs.profile.entry_measures) return *inputs.profile.entry_measures;
  const auto version = ReadKernelVersion(inputs.kernel);
  return version && *version >= kEntryMeasuresFrom;
}

absl::StatusOr<Bytes> FwCfgFile(const std::string& folder, std::string_view name) {
  const std::string path = StrCat(folder, "/", name);
  return ReadFile(PathExists(path + "/raw") ? path + "/raw" : path, kMaxFwCfgFile);
}

}  // namespace

absl::StatusOr<RtmrProfile> ParseRtmrProfile(std::string_view text) {
  RtmrProfile profile;
  for (std::string_view word : StrSplit(text, ',')) {
    word = StripSpace(word);
    if (word.empty()) continue;
    if (word == "separator=rtmr0" || word == "separator=rtmr1") {
      profile.separator_index = word.back() - '0';
    } else if (word == "secure-boot=absent" || word == "secure-boot=off") {
      profile.secure_boot_variable = word.ends_with("off");
    } else if (word == "kernel=file" || word == "kernel=patched") {
      profile.patched_kernel = word.ends_with("patched");
    } else if (word == "entry=measures" || word == "entry=silent") {
      profile.entry_measures = word.ends_with("measures");
    } else {
      return absl::InvalidArgumentError(
          StrCat("RTMR profile '", word,
                 "' is unknown (known: separator=rtmr0|rtmr1, secure-boot=absent|off, "
                 "kernel=file|patched, entry=measures|silent)"));
    }
  }
  return profile;
}

std::string FormatRtmrProfile(const RtmrProfile& profile) {
  std::string out = StrCat("separator=rtmr", profile.separator_index,
                           ",secure-boot=", profile.secure_boot_variable ? "off" : "absent",
                           ",kernel=", profile.patched_kernel ? "patched" : "file");
  if (profile.entry_measures) {
    StrAppend(&out, ",entry=", *profile.entry_measures ? "measures" : "silent");
  }
  return out;
}

absl::StatusOr<std::vector<std::string>> TableLoaderFiles(ByteView loader) {
  if (loader.empty() || loader.size() % kLoaderCommandSize != 0) {
    return absl::InvalidArgumentError(StrCat("a table loader of ", loader.size(), " bytes"));
  }
  std::vector<std::string> names;
  for (size_t at = 0; at < loader.size(); at += kLoaderCommandSize) {
    ByteReader command(loader.subspan(at, kLoaderCommandSize));
    ASSIGN_OR_RETURN(const uint32_t kind, command.U32Le("table loader command"));
    if (kind != kLoaderAllocate) continue;
    ASSIGN_OR_RETURN(const ByteView field, command.Take(kLoaderNameSize, "file name"));
    const std::string_view name = AsText(field).substr(0, AsText(field).find('\0'));
    if (!name.starts_with("etc/") || name.find("..") != std::string_view::npos) {
      return absl::InvalidArgumentError("the table loader allocates a file not under etc/");
    }
    if (names.size() == kMaxLoaderFiles) {
      return absl::InvalidArgumentError("the table loader allocates too many files");
    }
    names.emplace_back(name);
  }
  if (names.empty()) return absl::InvalidArgumentError("the table loader allocates nothing");
  return names;
}

absl::StatusOr<FwCfgFiles> ReadFwCfgFolder(const std::string& folder) {
  FwCfgFiles files;
  ASSIGN_OR_RETURN(const Bytes loader, FwCfgFile(folder, kTableLoader), "ACPI tables");
  ASSIGN_OR_RETURN(const auto names, TableLoaderFiles(loader), folder);
  files.emplace(kTableLoader, loader);
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(Bytes file, FwCfgFile(folder, name), "ACPI tables");
    files.emplace(name, std::move(file));
  }
  return files;
}

absl::StatusOr<std::vector<RtmrEvent>> ExpectedRtmr0(const RtmrInputs& inputs,
                                                     const std::vector<TdvfSection>& sections) {
  if (inputs.acpi == nullptr) {
    return absl::InvalidArgumentError("RTMR0 covers QEMU's ACPI tables, and none are given");
  }
  ASSIGN_OR_RETURN(const Bytes hob, BuildTdHob(sections, inputs.memory_bytes));
  ASSIGN_OR_RETURN(const Bytes store, VariableStore(inputs.firmware, sections));
  const Bytes off = inputs.profile.secure_boot_variable ? Bytes{0} : Bytes{};
  std::vector<RtmrEvent> events = {
      {0, "TD HOB", Sha384(hob)},
      {0, "variable store", Sha384(store)},
      Variable(kGlobalVariable, "SecureBoot", off),
      Variable(kGlobalVariable, "PK", {}),
      Variable(kGlobalVariable, "KEK", {}),
      Variable(kImageSecurity, "db", {}),
      Variable(kImageSecurity, "dbx", {}),
      Separator(0),
  };
  RETURN_IF_ERROR(AddAcpi(*inputs.acpi, &events));
  // Of boot variables, unlike the others, only the value is measured.
  events.push_back({0, "boot order", Sha384(Bytes{0, 0})});
  events.push_back({0, "boot entry 0000", Sha384(BootMenuOption())});
  if (inputs.profile.separator_index == 0) events.push_back(Separator(0));
  return events;
}

absl::StatusOr<std::vector<RtmrEvent>> ExpectedRtmr1(const RtmrInputs& inputs) {
  Bytes patched;
  ByteView kernel = inputs.kernel;
  if (inputs.profile.patched_kernel) {
    const uint64_t initrd_size = inputs.initrd ? inputs.initrd->size() : 0;
    ASSIGN_OR_RETURN(
        patched, PatchSetupHeader(kernel, initrd_size, inputs.command_line, inputs.memory_bytes));
    kernel = patched;
  }
  ASSIGN_OR_RETURN(Bytes digest, AuthenticodeDigest(kSha384, kernel), "kernel");
  std::vector<RtmrEvent> events = {{1, "kernel image", std::move(digest)},
                                   Action("Calling EFI Application from Boot Option")};
  if (inputs.profile.separator_index == 1) events.push_back(Separator(1));
  events.push_back(Action("Exit Boot Services Invocation"));
  events.push_back(Action("Exit Boot Services Returned with Success"));
  return events;
}

std::vector<RtmrEvent> ExpectedRtmr2(const RtmrInputs& inputs) {
  std::vector<RtmrEvent> events;
  if (!EntryMeasures(inputs)) return events;
  std::string options = inputs.command_line;
  if (inputs.initrd) options += " initrd=initrd";  // OVMF tells the kernel where the initrd is
  if (!options.empty()) {
    options.push_back('\0');
    events.push_back({2, "command line", Sha384(Utf16(options))});
  }
  if (inputs.initrd) events.push_back({2, "initrd", Sha384(*inputs.initrd)});
  return events;
}

Bytes ReplayRtmr(const std::vector<RtmrEvent>& events) {
  Bytes value(kRtmrSize);
  for (const RtmrEvent& event : events) {
    value.insert(value.end(), event.digest.begin(), event.digest.end());
    value = Sha384(value);
  }
  return value;
}

}  // namespace nacre::tee::tdx
