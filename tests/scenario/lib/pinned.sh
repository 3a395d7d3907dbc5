# A policy that pins one workload: the demo's image and nothing the host adds to it. The policy's
# scenarios source this instead of check.sh, and stack_up then uses these rules. Exec is not among
# them. $pinned_read: what the id of a container has to be for its output to be read.

source "$(dirname "${BASH_SOURCE[0]}")/check.sh"

pinned_read='!= ""'

stack_policy() {
  cat <<EOF
package agent_policy

CloseStdinRequest := true
CreateSandboxRequest := true
DestroySandboxRequest := true
GetOOMEventRequest := true
GuestDetailsRequest := true
ReadStreamRequest if input.container_id $pinned_read
RemoveContainerRequest := true
SignalProcessRequest := true
StartContainerRequest := true
UpdateInterfaceRequest := true
UpdateRoutesRequest := true
WaitProcessRequest := true

CreateContainerRequest if {
  count(input.storages) == 1
  input.storages[0].driver == "image_guest_pull"
  input.storages[0].source == "$image"
  input.OCI.Process.Env == []
  destinations := {mount.destination | some mount in input.OCI.Mounts}
  destinations - {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"} == set()
}
EOF
}

# refused REQUEST: the last `run` failed in one line, because of the policy, without its reason.
refused() {
  one_line "$err"
  says "$err" "policy denied $1 (id 1)"
  silent_about "$err" "input."
}
