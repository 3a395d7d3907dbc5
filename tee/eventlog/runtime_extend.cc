#include "tee/eventlog/runtime_extend.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/strings.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::tee::eventlog {

absl::Status AppendEvent(const std::string& path, const std::vector<Bank>& banks, uint32_t index,
                         uint32_t type, const std::vector<Bytes>& digests, ByteView data) {
  if (banks.empty() || banks.size() > kMaxBanks || digests.size() != banks.size()) {
    return absl::InvalidArgumentError("event: needs one digest for each bank");
  }
  for (size_t i = 0; i < banks.size(); ++i) {
    if (digests[i].size() != BankSize(banks[i])) {
      return absl::InvalidArgumentError(
          StrCat("event: digest of ", digests[i].size(), " bytes for ", BankName(banks[i])));
    }
  }
  ByteWriter out;
  if (!PathExists(path)) out.Put(LogHeader(banks));
  out.Put(EncodeEvent(index, type, banks, digests, data));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_WRONLY | O_APPEND | O_CREAT, 0600));
  return Annotate(WriteAll(fd.get(), out.bytes()), path);
}

absl::StatusOr<Bytes> JoinLogs(ByteView firmware, Registers registers, const std::string& path) {
  ASSIGN_OR_RETURN(EventLog first, EventLog::Parse(firmware, registers));
  Bytes out = ToBytes(firmware.first(first.end_offset()));
  if (!PathExists(path)) return out;
  ASSIGN_OR_RETURN(Bytes more, ReadFile(path, kMaxLogSize));
  ASSIGN_OR_RETURN(EventLog second, EventLog::Parse(more, registers), path);
  if (!first.crypto_agile() || !second.crypto_agile() || first.banks() != second.banks()) {
    return absl::InvalidArgumentError(StrCat(path, ": not of the same banks as the firmware's"));
  }
  const size_t begin = second.size() > 1 ? second.event(1).offset : second.end_offset();
  const ByteView events = ByteView(more).subspan(begin, second.end_offset() - begin);
  out.insert(out.end(), events.begin(), events.end());
  return out;
}

absl::Status ExtendRtmr(const std::string& folder, int number, ByteView digest) {
  if ((number != 2 && number != 3) || digest.size() != BankSize(Bank::kSha384)) {
    return absl::InvalidArgumentError(
        StrCat("RTMR", number, ": not to be extended with ", digest.size(), " bytes"));
  }
  const std::string path = StrCat(folder, "/rtmr", number, ":sha384");
  if (!PathExists(path)) return absl::NotFoundError(StrCat("no ", path));
  return WriteFile(path, digest);
}

}  // namespace nacre::tee::eventlog
