#include "runtime/shim/start.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "net/stream.h"
#include "runtime/shim/bundle.h"

namespace nacre::runtime {
namespace {

SubprocessOptions ServingShim(const ShimFlags& flags, const std::string& program, int listener) {
  SubprocessOptions child;
  child.argv = {program,       "-namespace",      flags.ns,
                "-id",         flags.id,          "-address",
                flags.address, "-publish-binary", flags.publish_binary};
  if (flags.debug) child.argv.push_back("-debug");
  child.inherit = {{listener, kListenerFd}};
  child.new_session = true;
  return child;
}

}  // namespace

absl::StatusOr<std::string> StartShim(const ShimFlags& flags, const std::string& program,
                                      std::string_view socket_root) {
  const std::string address = ShimSocketAddress(socket_root, flags.address, flags.ns, flags.id);
  const std::string path = address.substr(std::string_view("unix://").size());
  RETURN_IF_ERROR(MakeDirectories(std::string(socket_root), 0711));
  net::ListenUnixOptions options;
  options.replace_dead = true;
  auto listener = net::ListenUnix(path, options);
  if (absl::IsAlreadyExists(listener.status()) && ReadShimAddress(".") == address) return address;
  RETURN_IF_ERROR(listener.status(), "shim socket");
  auto child = Subprocess::Start(ServingShim(flags, program, listener->get()));
  absl::Status status = child.status();
  if (status.ok()) {
    status = WriteShimFiles(".", address, child->pid());
    if (!status.ok()) (void)child->Kill(SIGKILL);
  }
  if (!status.ok()) {
    (void)::unlink(path.c_str());
    return status;
  }
  return address;
}

}  // namespace nacre::runtime
