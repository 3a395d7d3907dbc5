// The order of a run, which is also the order in which it is undone: fifos, container, task. Each
// step that succeeded is taken back by a guard, so that an error, a signal or the plain end leave
// containerd as it was.

#include "cli/run.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "cli/container_streams.h"
#include "cli/containerd_client.h"
#include "cli/raw_terminal.h"
#include "cli/timeline.h"
#include "crypto/random.h"
#include "tee/common/initdata.h"

namespace nacre::cli {
namespace {

constexpr int kDrainMs = 5000;  // the runtime closes its end of the outputs at once; see Drain

class Run {
 public:
  explicit Run(RunOptions options) : options_(std::move(options)) {}

  absl::Status Prepare() {
    if (options_.id.empty()) options_.id = "nacre-" + HexEncode(crypto::RandomBytes(6));
    if (!options_.config.empty()) {
      // containerd and the shim have working directories of their own.
      std::error_code error;
      options_.config = std::filesystem::absolute(options_.config, error).string();
      if (error || !PathExists(options_.config)) {
        return absl::NotFoundError(StrCat("--config ", options_.config, ": no such file"));
      }
    }
    std::string initdata;
    if (!options_.initdata.empty()) {
      ASSIGN_OR_RETURN(initdata, ReadTextFile(options_.initdata, tee::kMaxInitdataDocument));
      RETURN_IF_ERROR(tee::ParseInitdata(initdata).status(), options_.initdata);
    }
    ASSIGN_OR_RETURN(spec_, MakeRunSpec(options_, initdata));
    return absl::OkStatus();
  }

  // The container's exit code.
  absl::StatusOr<int> Execute() {
    ContainerStreams::HoldSignals();
    if (options_.terminal) {
      ASSIGN_OR_RETURN(terminal_, RawTerminal::Enter());
    }
    ASSIGN_OR_RETURN(client_, ContainerdClient::Connect(options_.address, options_.name_space));
    ASSIGN_OR_RETURN(
        streams_, ContainerStreams::Start(options_.terminal,
                                          {
                                              .cancel_start = [this] { client_->CancelCreate(); },
                                              .kill = [this](int signal) { Kill(signal); },
                                              .close_stdin = [this] { CloseStdin(); },
                                              .resize = [this] { Resize(); },
                                          }));
    RETURN_IF_ERROR(client_->CreateContainer({.id = options_.id,
                                              .image = options_.image,
                                              .runtime = options_.runtime,
                                              .config_path = options_.config,
                                              .spec = spec_}));
    absl::StatusOr<int> code = RunTask();
    absl::Status removed = Remove();
    if (removed.ok()) return code;
    const std::string left = StrCat("container ", options_.id, " is left behind");
    return Annotate(code.ok() ? removed : code.status(), left);
  }

  int interrupted_by() const { return streams_ == nullptr ? 0 : streams_->interrupted_by(); }
  const std::string& timeline() const { return timeline_; }

 private:
  absl::StatusOr<int> RunTask() {
    RETURN_IF_ERROR(client_->CreateTask(options_.id, streams_->paths()));
    task_exists_ = true;
    Resize();
    if (!streams_->Running()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(client_->StartTask(options_.id));
    ASSIGN_OR_RETURN(int code, client_->WaitTask(options_.id));
    streams_->Drain(kDrainMs);
    if (options_.timeline) {
      absl::StatusOr<std::string> text =
          ReadTimeline(options_.config, options_.name_space, options_.id);
      timeline_ = text.ok() ? *text : StrCat("no timeline: ", Message(text.status()), "\n");
    }
    return code;
  }

  absl::Status Remove() {
    // A create that failed or was cancelled may still have left a task behind.
    absl::Status task = client_->DeleteTask(options_.id);
    if (!task_exists_ || absl::IsNotFound(task)) task = absl::OkStatus();
    absl::Status container = client_->DeleteContainer(options_.id);
    return task.ok() ? container : task;
  }

  // A container that has just ended cannot be signalled: that is no error of the run.
  void Kill(int signal) { client_->KillTask(options_.id, signal).IgnoreError(); }
  void CloseStdin() { client_->CloseStdin(options_.id).IgnoreError(); }

  // A terminal of the wrong size is no reason to end a run.
  void Resize() {
    if (terminal_ == nullptr) return;
    const TerminalSize size = terminal_->Size();
    if (size.rows == 0 || size.columns == 0) return;
    client_->ResizeTerminal(options_.id, size.rows, size.columns).IgnoreError();
  }

  RunOptions options_;
  std::string spec_;
  std::unique_ptr<RawTerminal> terminal_;
  std::unique_ptr<ContainerdClient> client_;
  std::unique_ptr<ContainerStreams> streams_;
  bool task_exists_ = false;
  std::string timeline_;
};

// The words after the options: the image, then the container's arguments as they are.
absl::Status TakeWords(const CLI::App& verb, RunOptions* options) {
  std::vector<std::string> words = verb.remaining();
  if (!words.empty() && words[0] == "--") words.erase(words.begin());
  if (words.empty()) return absl::InvalidArgumentError("the image is missing");
  options->image = words[0];
  options->args.assign(words.begin() + 1, words.end());
  return absl::OkStatus();
}

}  // namespace

VerbResult RunContainer(RunOptions options) {
  VerbResult result;
  std::string timeline;
  {
    Run run(std::move(options));
    result.status = run.Prepare();
    if (!result.status.ok()) return result;
    absl::StatusOr<int> code = run.Execute();
    if (code.ok()) {
      result.exit_code = *code;
    } else if (run.interrupted_by() != 0) {
      result.status = absl::CancelledError("interrupted before the container started");
      result.exit_code = 128 + run.interrupted_by();
    } else {
      result.status = code.status();
    }
    timeline = run.timeline();
  }
  // Our terminal is our own again.
  std::fputs(timeline.c_str(), stderr);
  return result;
}

void AddRunVerb(CLI::App& app, VerbResult* result) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb = app.add_subcommand(
      "run", "Run IMAGE [ARGS...] in a confidential VM through containerd, in the foreground");
  verb->prefix_command();  // the words after IMAGE belong to the container
  verb->footer("nacre run [OPTIONS] IMAGE [ARGS...]");
  verb->add_option("--address", options->address, "containerd's socket")->capture_default_str();
  verb->add_option("--namespace", options->name_space, "containerd's namespace")
      ->capture_default_str();
  verb->add_option("--config", options->config, "the runtime's configuration (runtime.toml)");
  verb->add_option("--initdata", options->initdata, "initdata document (TOML) for the guest");
  verb->add_option("--kernel-arg", options->kernel_args, "one more kernel argument; repeatable")
      ->allow_extra_args(false);
  verb->add_option("--id", options->id, "name of the container; made up when absent");
  verb->add_option("--env", options->env, "NAME=value for the container; repeatable")
      ->allow_extra_args(false);
  verb->add_flag("-t,--terminal", options->terminal, "lend our terminal to the container");
  verb->add_flag("--timeline", options->timeline, "print the milestones of the start on stderr");
  verb->add_option("--runtime", options->runtime, "another runtime, for tests")
      ->take_last()
      ->group("");
  verb->add_option("--rootfs", options->rootfs, "a root folder of this host, for tests")->group("");
  verb->callback([verb, options, result] {
    const std::vector<std::string> words = verb->remaining();
    if (!words.empty() && words[0].size() > 1 && words[0][0] == '-' && words[0] != "--") {
      throw CLI::ExtrasError(verb->get_name(), words);
    }
    result->status = TakeWords(*verb, options.get());
    if (!result->status.ok()) {
      result->exit_code = 2;
      return;
    }
    *result = RunContainer(*options);
  });
}

}  // namespace nacre::cli
