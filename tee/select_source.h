// Which evidence source this guest uses. Real hardware first: configfs-tsm, /dev/sev-guest,
// /dev/tdx_guest with the host's quote generation service; the emulator only when the measured
// kernel command line says `nacre.tee=emulated`, so a host cannot switch it on unseen.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tee/common/evidence.h"
#include "tee/tdx/qgs.h"

namespace nacre::tee {

struct EvidenceSourceOptions {
  std::string tsm_report_folder = "/sys/kernel/config/tsm/report";
  std::string virtio_ports_folder = "/sys/class/virtio-ports";
  std::string device_folder = "/dev";
  std::string emulator_port_name = "org.nacre.tee.0";
  tdx::QgsAddress qgs{};
};

// kUnavailable naming each place looked at when there is none; kInvalidArgument when `nacre.tee=`
// has a value other than "emulated", or stands twice.
absl::StatusOr<std::unique_ptr<EvidenceSource>> SelectEvidenceSource(
    std::string_view kernel_command_line, const EvidenceSourceOptions& options = {});

}  // namespace nacre::tee
