// A confidential VM wants the smallest machine that boots Linux: every device model left out is
// code of the host the guest need not face, and boots faster. So: q35 with USB, SATA, SMM, HPET,
// the VMware port, the keyboard controller and the display turned off; one serial console; one
// virtio-serial card for the ports of agent, TEE and initdata; a scratch disk where the node
// offers one; a network card without its boot ROM.
//
// Every device is virtio 1.0 only (disable-legacy=on): the legacy layout cannot work under memory
// encryption, and what is emulated today must be what runs on hardware tomorrow.
#include "runtime/hypervisor/qemu_command.h"

#include "api/agent_address.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

// SNP guest policy: SMT allowed (bit 16) and the reserved-must-be-one bit 17; no debugging, no
// migration agent. SEV-SNP Firmware ABI, table 9.
constexpr int kSnpPolicy = 0x30000;

using Argv = std::vector<std::string>;

void Add(Argv& argv, std::string_view option, std::string value) {
  argv.emplace_back(option);
  argv.push_back(std::move(value));
}

bool IsHardwareTee(Tee tee) { return tee == Tee::kSnp || tee == Tee::kTdx; }

// Left out is what QEMU's translator pays more for than a kernel gains from it: with ERMS pages are
// cleared and copied byte by byte; SMAP ends a translated block at every copy to or from a program;
// XSAVE saves registers nobody uses at every switch; PCID brings flushes of its own. A start is a
// quarter shorter for it. A processor that is emulated protects nobody; real ones keep all of it.
constexpr std::string_view kEmulatedCpu = "max,-erms,-smap,-xsave,-pcid";

void AddMachine(const SandboxPlan& plan, Accelerator accelerator, Argv& argv) {
  std::string machine = StrCat("q35,accel=", AcceleratorName(accelerator),
                               ",usb=off,sata=off,smm=off,hpet=off,vmport=off,i8042=off,"
                               "graphics=off");
  if (IsHardwareTee(plan.tee)) {
    StrAppend(&machine, ",kernel_irqchip=split,confidential-guest-support=tee0");
  }
  Add(argv, "-machine", machine);
  const bool kvm = accelerator == Accelerator::kKvm;
  const std::string_view cpu = kvm ? "host,pmu=off" : kEmulatedCpu;
  Add(argv, "-cpu", std::string(plan.tee == Tee::kSnp ? std::string_view(plan.vcpu_type) : cpu));
  Add(argv, "-smp", StrCat(plan.vcpus));
  Add(argv, "-m", StrCat(plan.memory_mib, "M"));
}

absl::StatusOr<Bytes> PlanInitdataDigest(const SandboxPlan& plan) {
  if (!plan.initdata) return Bytes();
  ASSIGN_OR_RETURN(Bytes digest, tee::InitdataDigest(*plan.initdata), "initdata");
  return digest;
}

// The owner's ID block (SEV-SNP Firmware ABI, ID_BLOCK and ID_AUTH). The firmware would refuse a
// block of another policy too, but only says that the launch failed.
absl::Status AddIdBlock(const SandboxPlan& plan, std::string* object) {
  if (plan.id_block.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Bytes block, Base64Decode(plan.id_block), "id_block");
  ASSIGN_OR_RETURN(const Bytes auth, Base64Decode(plan.id_auth), "id_auth");
  ByteReader block_reader(block);
  RETURN_IF_ERROR(block_reader.Skip(88, "id_block"));
  ASSIGN_OR_RETURN(const uint64_t policy, block_reader.U64Le("policy of id_block"));
  if (policy != kSnpPolicy) {
    return absl::InvalidArgumentError(
        StrCat("id_block is for guest policy ", policy, ", the launch has ", kSnpPolicy));
  }
  ByteReader auth_reader(auth);
  RETURN_IF_ERROR(auth_reader.Skip(4, "id_auth"));
  ASSIGN_OR_RETURN(const uint32_t author, auth_reader.U32Le("author key algorithm of id_auth"));
  StrAppend(object, ",id-block=", plan.id_block, ",id-auth=", plan.id_auth,
            author != 0 ? ",author-key-enabled=on" : "");
  return absl::OkStatus();
}

absl::Status AddSnp(const SandboxPlan& plan, const VmResources& resources, Argv& argv) {
  if (!resources.sev) return absl::InvalidArgumentError("snp: the host's SEV facts are missing");
  ASSIGN_OR_RETURN(Bytes digest, PlanInitdataDigest(plan));
  std::string object = StrCat("sev-snp-guest,id=tee0,cbitpos=", resources.sev->cbit_position,
                              ",reduced-phys-bits=", resources.sev->reduced_phys_bits,
                              ",kernel-hashes=on,policy=", kSnpPolicy);
  if (plan.initdata) {
    StrAppend(&object, ",host-data=", Base64Encode(tee::InitdataHostData(digest)));
  }
  RETURN_IF_ERROR(AddIdBlock(plan, &object));
  Add(argv, "-object", object);
  Add(argv, "-bios", plan.firmware);
  return absl::OkStatus();
}

absl::Status AddTdx(const SandboxPlan& plan, const VmResources& resources, Argv& argv) {
  ASSIGN_OR_RETURN(Bytes digest, PlanInitdataDigest(plan));
  Json object = {{"qom-type", "tdx-guest"}, {"id", "tee0"}, {"sept-ve-disable", true}};
  if (plan.initdata) object["mrconfigid"] = Base64Encode(tee::InitdataMrConfigId(digest));
  if (!resources.quote_service_socket.empty()) {
    object["quote-generation-socket"] = {{"type", "unix"},
                                         {"path", resources.quote_service_socket}};
  }
  ASSIGN_OR_RETURN(std::string text, DumpJson(object), "tdx-guest object");
  Add(argv, "-object", text);
  Add(argv, "-bios", plan.firmware);
  return absl::OkStatus();
}

// A channel whose host end is already connected: descriptor `fd` of the child.
void AddSocket(std::string_view id, int fd, Argv& argv) {
  Add(argv, "-chardev", StrCat("socket,id=", id, ",fd=", fd));
}

void AddPort(std::string_view id, std::string_view name, int fd, Argv& argv) {
  AddSocket(id, fd, argv);
  Add(argv, "-device", StrCat("virtserialport,chardev=", id, ",name=", name));
}

void AddChannels(const VmResources& resources, Argv& argv) {
  AddSocket("console", resources.console_fd, argv);
  Add(argv, "-serial", "chardev:console");
  AddSocket("qmp", resources.qmp_fd, argv);
  Add(argv, "-mon", "chardev=qmp,mode=control");
  Add(argv, "-device", "virtio-serial-pci,id=ports,max_ports=5,disable-legacy=on");
  // A port and not a disk: the guest's kernel then has no block layer to load, and no partition
  // table of the host's to look for, before it knows anything.
  AddPort("initdata", api::kInitdataVirtioPort, resources.initdata_fd, argv);
  if (resources.agent_fd >= 0) AddPort("agent", api::kAgentVirtioPort, resources.agent_fd, argv);
  if (resources.tee_fd >= 0) AddPort("tee", "org.nacre.tee.0", resources.tee_fd, argv);
  if (resources.blobs_fd >= 0)
    AddPort("blobs", api::kNodeCacheVirtioPort, resources.blobs_fd, argv);
  if (resources.vsock) {
    Add(argv, "-device",
        StrCat("vhost-vsock-pci,guest-cid=", resources.vsock->cid, ",vhostfd=", resources.vsock->fd,
               ",disable-legacy=on"));
  }
}

// Nothing in it outlives the guest, so flushing is wasted; and a full disk of the node is the
// guest's I/O error, where QEMU would by default stop the machine and wait for somebody.
void AddScratchDisk(int fd, Argv& argv) {
  Add(argv, "-add-fd", StrCat("fd=", fd, ",set=1,opaque=scratch"));
  Add(argv, "-blockdev",
      "driver=raw,node-name=scratch,cache.no-flush=on,file.driver=file,"
      "file.filename=/dev/fdset/1,file.cache.no-flush=on,file.locking=off");
  Add(argv, "-device",
      "virtio-blk-pci,drive=scratch,serial=scratch,werror=report,rerror=report,disable-legacy=on");
}

void AddNetwork(NetworkMode mode, Argv& argv) {
  if (mode == NetworkMode::kNone) {
    Add(argv, "-nic", "none");
    return;
  }
  Add(argv, "-netdev", "user,id=net0,ipv6=off");
  Add(argv, "-device",
      StrCat("virtio-net-pci,netdev=net0,mac=", kGuestMac, ",romfile=,disable-legacy=on"));
}

absl::Status CheckResources(const SandboxPlan& plan, const VmResources& resources) {
  if (resources.console_fd < 0 || resources.qmp_fd < 0 || resources.initdata_fd < 0) {
    return absl::InvalidArgumentError("QEMU needs console, QMP and initdata descriptors");
  }
  if ((resources.agent_fd >= 0) == resources.vsock.has_value()) {
    return absl::InvalidArgumentError("the agent needs a port or a vsock device, and not both");
  }
  if ((plan.tee == Tee::kEmulatedSnp) != (resources.tee_fd >= 0)) {
    return absl::InvalidArgumentError("a TEE port belongs to tee = \"emulated-snp\" and no other");
  }
  if ((plan.scratch_disk_mib != 0) != (resources.scratch_fd >= 0)) {
    return absl::InvalidArgumentError("a scratch disk belongs to a plan that has one");
  }
  if (IsHardwareTee(plan.tee) && resources.accelerator != Accelerator::kKvm) {
    return absl::FailedPreconditionError(
        StrCat("tee = \"", TeeName(plan.tee), "\" needs KVM, which this host lacks"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view AcceleratorName(Accelerator accelerator) {
  return accelerator == Accelerator::kKvm ? "kvm" : "tcg";
}

absl::StatusOr<std::vector<std::string>> QemuCommand(const SandboxPlan& plan,
                                                     const VmResources& resources) {
  RETURN_IF_ERROR(CheckResources(plan, resources));
  Argv argv = {plan.hypervisor_path, "-nodefaults", "-no-user-config", "-no-reboot"};
  Add(argv, "-name", StrCat("guest=", plan.sandbox_id));
  Add(argv, "-display", "none");
  Add(argv, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  AddMachine(plan, resources.accelerator, argv);
  if (plan.tee == Tee::kSnp) RETURN_IF_ERROR(AddSnp(plan, resources, argv));
  if (plan.tee == Tee::kTdx) RETURN_IF_ERROR(AddTdx(plan, resources, argv));
  Add(argv, "-kernel", plan.kernel);
  Add(argv, "-initrd", plan.initrd);
  Add(argv, "-append", plan.command_line);
  AddChannels(resources, argv);
  if (resources.scratch_fd >= 0) AddScratchDisk(resources.scratch_fd, argv);
  AddNetwork(plan.network, argv);
  return argv;
}

}  // namespace nacre::runtime
