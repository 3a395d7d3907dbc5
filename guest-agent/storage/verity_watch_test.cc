#include "guest-agent/storage/verity_watch.h"

#include <gtest/gtest.h>

namespace nacre::guest_agent {
namespace {

std::string Event(const std::vector<std::string>& fields) {
  std::string event = "change@/devices/virtual/block/dm-3";
  for (const std::string& field : fields) event.append(1, '\0').append(field);
  return event + '\0';
}

TEST(VerityEvent, NamesDeviceAndBlock) {
  EXPECT_EQ(ParseVerityEvent(
                Event({"ACTION=change", "SUBSYSTEM=block", "DM_VERITY_ERR_BLOCK_NR=0,4711",
                       "MAJOR=253", "MINOR=3", "DEVNAME=dm-3", "DEVTYPE=disk", "SEQNUM=900"})),
            (RefusedBlock{"/dev/dm-3", false, 4711}));
  EXPECT_EQ(
      ParseVerityEvent(Event({"DEVNAME=dm-12", "DM_VERITY_ERR_BLOCK_NR=1,18446744073709551615"})),
      (RefusedBlock{"/dev/dm-12", true, UINT64_MAX}));
}

TEST(VerityEvent, OthersAreNothing) {
  for (const std::vector<std::string>& fields : std::vector<std::vector<std::string>>{
           {},
           {"DEVNAME=dm-3"},
           {"DM_VERITY_ERR_BLOCK_NR=0,1"},
           {"DEVNAME=", "DM_VERITY_ERR_BLOCK_NR=0,1"},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR="},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR=1"},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR=,1"},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR=0,"},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR=0,1 "},
           {"DEVNAME=dm-3", "DM_VERITY_ERR_BLOCK_NR=0,18446744073709551616"},
           {"DEVNAME=dm-3", "XDM_VERITY_ERR_BLOCK_NR=0,1"}})
    EXPECT_FALSE(ParseVerityEvent(Event(fields)).has_value());
  EXPECT_FALSE(ParseVerityEvent("").has_value());
}

TEST(VerityWatch, ComesAndGoes) {
  VerityWatch watch;
  watch.Add("/dev/dm-3", "7");
  watch.Remove("/dev/dm-3");
  watch.Remove("/dev/dm-4");
}

}  // namespace
}  // namespace nacre::guest_agent
