#include "guest-agent/service/agent.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "guest-agent/limits.h"
#include "guest-agent/secrets/broker_keys.h"
#include "guest-agent/service/agent_config.h"
#include "guest-agent/service/agent_port.h"
#include "guest-agent/service/agent_service.h"
#include "guest-agent/service/await_device.h"
#include "guest-agent/service/denial_reporter.h"
#include "guest-agent/service/dispatcher.h"
#include "guest-agent/storage/image_rootfs.h"
#include "net/ttrpc/server.h"
#include "policy/gate/request_policy.h"
#include "tee/select_source.h"

namespace nacre::guest_agent {
namespace {

constexpr rlim_t kMaxDescriptors = 65536;

// What crun leaves behind becomes this process's child.
absl::Status PrepareProcess() {
  signal(SIGPIPE, SIG_IGN);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return ErrnoStatus(errno, "child subreaper");
  const rlimit descriptors = {kMaxDescriptors, kMaxDescriptors};
  if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0) return ErrnoStatus(errno, "descriptor limit");
  return absl::OkStatus();
}

// Nothing to report to without a broker. The reporter's thread may outlive RunAgent, so it shares
// what it works with.
std::unique_ptr<DenialReporter> ReportDenials(const AgentConfig& config,
                                              std::shared_ptr<policy::RequestPolicy> policy,
                                              std::shared_ptr<BrokerKeys> keys,
                                              std::shared_ptr<tee::EvidenceSource> evidence) {
  if (config.broker_url.empty()) return nullptr;
  DenialReporterOptions options;
  options.denials = [policy](uint64_t after) { return policy->Denials(after); };
  options.send = [keys, evidence](const std::vector<policy::Denial>& denials) {
    return keys->ReportDenials(denials);
  };
  return std::make_unique<DenialReporter>(std::move(options));
}

uint32_t OnlineProcessors() { return std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace

absl::StatusOr<ProvenGuest> ProveGuest(const AgentPaths& paths,
                                       std::unique_ptr<tee::EvidenceSource>* evidence) {
  ProvenGuest guest;
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(paths.command_line, kMaxCommandLine + 1));
  ASSIGN_OR_RETURN(guest.command_line, ParseCommandLine(text));
  if (*evidence == nullptr) {
    absl::StatusOr<std::unique_ptr<tee::EvidenceSource>> source =
        absl::UnavailableError("not tried");
    const absl::Status found = AwaitDevice(
        "evidence source",
        [&] {
          source = tee::SelectEvidenceSource(guest.command_line.text);
          return !absl::IsUnavailable(source.status());
        },
        paths.device_timeout_ms);
    RETURN_IF_ERROR(source.status());
    RETURN_IF_ERROR(found);
    *evidence = *std::move(source);
  }
  ASSIGN_OR_RETURN(guest.initdata_document, ReadInitdataPort(paths.device_timeout_ms, paths.ports));
  ASSIGN_OR_RETURN(guest.identity, CheckLaunch(guest.initdata_document, evidence->get()));
  return guest;
}

absl::Status RunAgent() {
  RETURN_IF_ERROR(PrepareProcess());
  std::unique_ptr<tee::EvidenceSource> source;
  ASSIGN_OR_RETURN(const ProvenGuest guest, ProveGuest({}, &source));
  const std::shared_ptr<tee::EvidenceSource> evidence = std::move(source);
  const tee::InitdataEntries& data = guest.identity.initdata.data;
  ASSIGN_OR_RETURN(std::shared_ptr<policy::RequestPolicy> policy,
                   policy::RequestPolicy::FromInitdata(data));
  ASSIGN_OR_RETURN(const AgentConfig config, ReadAgentConfig(data));

  const auto keys =
      std::make_shared<BrokerKeys>(BrokerKeysOptions{config, guest.initdata_document,
                                                     guest.command_line.text, OnlineProcessors()},
                                   evidence.get());
  const auto reporter = ReportDenials(config, policy, keys, evidence);
  ImageRootfs rootfs(
      {.settings = config.image, .storage = config.storage, .node_cache = config.node_cache},
      keys.get());
  ContainersOptions options;
  options.discard_output = policy->NeverAllows("ReadStreamRequest");
  ASSIGN_OR_RETURN(auto containers, Containers::Create(std::move(options), &rootfs));

  ttrpc::Server server(AgentServerOptions());
  std::stop_source destroyed;
  AgentServiceOptions service;
  service.attested = [&] { return keys->attested(); };
  service.on_destroy = [&] {
    destroyed.request_stop();
    server.Stop();
  };
  Dispatcher dispatcher(std::move(policy),
                        std::make_unique<AgentService>(std::move(containers), std::move(service)),
                        guest.command_line.policy_debug, [&] {
                          if (reporter != nullptr) reporter->Wake();
                        });
  server.SetDispatcher([&](const ttrpc::CallContext& call, std::string_view payload) {
    return dispatcher.Dispatch(call.service(), call.method(), payload, call.stop_token());
  });
  return ServeAgentPort(FindAgentPort(), &server, destroyed.get_token());
}

}  // namespace nacre::guest_agent
