#include "tee/eventlog/log_writer.h"

namespace nacre::tee::eventlog {

Bytes LogHeader(const std::vector<Bank>& banks) {
  ByteWriter data;
  data.Put(std::string_view("Spec ID Event03\0", 16));
  data.U32Le(0).U8(0).U8(2).U8(0).U8(2);  // client platform, version 2.00, 64-bit UINTN
  data.U32Le(static_cast<uint32_t>(banks.size()));
  for (Bank bank : banks) {
    data.U16Le(static_cast<uint16_t>(bank)).U16Le(static_cast<uint16_t>(BankSize(bank)));
  }
  data.U8(0);
  ByteWriter out;
  out.U32Le(0).U32Le(kNoAction).Zeros(20).U32Le(static_cast<uint32_t>(data.size()));
  return out.Put(data.bytes()).Release();
}

Bytes EncodeEvent(uint32_t index, uint32_t type, const std::vector<Bank>& banks,
                  const std::vector<Bytes>& digests, ByteView data) {
  ByteWriter out;
  out.U32Le(index).U32Le(type).U32Le(static_cast<uint32_t>(banks.size()));
  for (size_t i = 0; i < banks.size(); ++i) {
    out.U16Le(static_cast<uint16_t>(banks[i])).Put(digests[i]);
  }
  return out.U32Le(static_cast<uint32_t>(data.size())).Put(data).Release();
}

Bytes EncodeMeasuredEvent(uint32_t index, uint32_t type, const std::vector<Bank>& banks,
                          ByteView measured, ByteView data) {
  std::vector<Bytes> digests;
  for (Bank bank : banks) digests.push_back(BankDigest(bank, measured));
  return EncodeEvent(index, type, banks, digests, data);
}

Bytes EncodeUefiVariable(ByteView vendor, std::string_view name, ByteView value) {
  ByteWriter out;
  out.Put(vendor).U64Le(name.size()).U64Le(value.size());
  for (char c : name) out.U8(static_cast<uint8_t>(c)).U8(0);
  return out.Put(value).Release();
}

}  // namespace nacre::tee::eventlog
