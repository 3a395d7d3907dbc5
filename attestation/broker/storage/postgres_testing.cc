// initdb takes two seconds and every test case is a process, so its result is kept in the build
// tree and copied. Small log segments and no database but its own make that copy small.
#include "attestation/broker/storage/postgres_testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "crypto/x509_make.h"

namespace nacre::attestation::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAccess =
    "local all all trust\n"
    "hostssl all all 127.0.0.1/32 scram-sha-256\n";

// The newest installed version's folder of programs.
absl::StatusOr<std::string> Programs() {
  std::string newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string bin = entry.path().string() + "/bin";
    if (PathExists(bin + "/initdb") && bin > newest) newest = bin;
  }
  if (newest.empty()) return absl::NotFoundError("PostgreSQL is not installed");
  return newest;
}

int FreePort() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

// PostgreSQL refuses to run as root.
const passwd* ServerUser() {
  return ::geteuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::geteuid());
}

absl::Status GiveToServer(const std::string& folder) {
  if (::geteuid() != 0) return absl::OkStatus();
  const passwd* user = ServerUser();
  if (user == nullptr) return absl::NotFoundError("no user postgres");
  std::error_code error;
  if (::chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) return ErrnoStatus(errno, folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
    if (::lchown(entry.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      return ErrnoStatus(errno, entry.path().string());
    }
  }
  return absl::OkStatus();
}

absl::Status WriteCertificate(const std::string& folder) {
  ASSIGN_OR_RETURN(auto key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  const auto now = static_cast<int64_t>(::time(nullptr));
  crypto::CertificateRequest request;
  request.subject = {{"CN", "test database"}};
  request.not_before = now - 3600;
  request.not_after = now + 24 * 3600;
  request.server_auth = true;
  request.ip_addresses = {"127.0.0.1"};
  ASSIGN_OR_RETURN(auto certificate,
                   crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                           crypto::SignatureScheme::kEcdsaSha256));
  ASSIGN_OR_RETURN(SecretBytes pem, key.ToPem());
  RETURN_IF_ERROR(WriteFile(folder + "/tls.key", pem.view(), 0600));
  return WriteFile(folder + "/tls.pem", AsBytes(certificate.ToPem()));
}

}  // namespace

std::vector<std::string> TestPostgres::AsServerUser(std::vector<std::string> argv) const {
  if (::geteuid() != 0) return argv;
  const passwd* user = ServerUser();
  std::vector<std::string> out = {"setpriv", StrCat("--reuid=", user->pw_uid),
                                  StrCat("--regid=", user->pw_gid), "--clear-groups",
                                  "--pdeathsig=QUIT"};
  out.insert(out.end(), argv.begin(), argv.end());
  return out;
}

absl::StatusOr<std::string> TestPostgres::Run(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = AsServerUser(std::move(argv));
  options.working_directory = "/";
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options, {}, 64 << 20));
  if (result.exit.code == 0) return std::move(result.out);
  return absl::InternalError(StrCat(options.argv.back(), ": ", result.err));
}

absl::Status TestPostgres::Prepare() {
  ASSIGN_OR_RETURN(const std::string bin, Programs());
  if (ServerUser() == nullptr) return absl::NotFoundError("no user to run PostgreSQL as");
  // Not under $TMPDIR: a socket's path is short, and the server's user must get there.
  std::string folder = "/tmp/nacre-pg-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return ErrnoStatus(errno, folder);
  folder_ = folder;
  if (::chmod(folder_.c_str(), 0755) != 0) return ErrnoStatus(errno, folder_);
  const std::string kept = std::string(NACRE_BIN_DIR) + "/../tests/postgresql-initdb-1";
  ASSIGN_OR_RETURN(UniqueFd lock, OpenFile(kept + ".lock", O_RDWR | O_CREAT, 0644));
  ::flock(lock.get(), LOCK_EX);
  std::error_code error;
  if (!PathExists(kept)) {
    RETURN_IF_ERROR(WriteFile(folder_ + "/password", AsBytes("opensesame\n")));
    RETURN_IF_ERROR(GiveToServer(folder_));
    RETURN_IF_ERROR(
        Run({bin + "/initdb", "-D", folder_ + "/data", "-U", "kbs", "-A", "trust",
             "--locale=C.UTF-8", "--no-sync", "--wal-segsize=1", "--pwfile", folder_ + "/password"})
            .status());
    fs::copy(folder_ + "/data", kept + ".new", fs::copy_options::recursive, error);
    if (!error) fs::rename(kept + ".new", kept, error);
  } else {
    fs::copy(kept, folder_ + "/data", fs::copy_options::recursive, error);
  }
  if (error) return absl::InternalError(StrCat(folder_, ": ", error.message()));
  RETURN_IF_ERROR(WriteFile(folder_ + "/data/pg_hba.conf", AsBytes(kAccess)));
  RETURN_IF_ERROR(WriteCertificate(folder_));
  RETURN_IF_ERROR(GiveToServer(folder_));
  if (::chmod((folder_ + "/data").c_str(), 0700) != 0) return ErrnoStatus(errno, folder_);
  return absl::OkStatus();
}

absl::Status TestPostgres::Launch() {
  ASSIGN_OR_RETURN(const std::string bin, Programs());
  if (port_ == 0) port_ = FreePort();
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  SubprocessOptions options;
  options.argv = AsServerUser({bin + "/postgres",
                               "-D",
                               folder_ + "/data",
                               "-k",
                               folder_,
                               "-h",
                               "127.0.0.1",
                               "-p",
                               StrCat(port_),
                               "-F",
                               "-c",
                               "ssl=on",
                               "-c",
                               "ssl_cert_file=" + folder_ + "/tls.pem",
                               "-c",
                               "ssl_key_file=" + folder_ + "/tls.key",
                               "-c",
                               "shared_buffers=16MB",
                               "-c",
                               "max_connections=60",
                               "-c",
                               "fsync=off"});
  options.working_directory = "/";
  options.parent_death_signal = SIGQUIT;
  options.stderr_fd = pipe.write_end.get();
  ASSIGN_OR_RETURN(Subprocess server, Subprocess::Start(options));
  server_.emplace(std::move(server));
  pipe.write_end.Reset();
  std::string output;
  char c;
  while (output.find("ready to accept connections") == std::string::npos) {
    if (::read(pipe.read_end.get(), &c, 1) != 1) {
      return absl::InternalError(StrCat("PostgreSQL did not start: ", output));
    }
    output += c;
  }
  // It goes on writing; what nobody reads would stop it.
  std::thread([end = std::move(pipe.read_end)]() {
    char buffer[4096];
    while (::read(end.get(), buffer, sizeof buffer) > 0) {
    }
  }).detach();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TestPostgres>> TestPostgres::Start() {
  std::unique_ptr<TestPostgres> out(new TestPostgres());
  RETURN_IF_ERROR(out->Prepare());
  RETURN_IF_ERROR(out->Launch());
  return out;
}

absl::StatusOr<TestPostgres*> TestPostgres::Shared() {
  static auto server = Start();
  if (!server.ok()) return server.status();
  return server->get();
}

TestPostgres::~TestPostgres() {
  Stop().IgnoreError();
  if (!folder_.empty()) RemoveTree(folder_).IgnoreError();
}

absl::Status TestPostgres::Stop() {
  if (!server_) return absl::OkStatus();
  RETURN_IF_ERROR(server_->Kill(SIGQUIT));
  absl::Status ended = server_->WaitFor(20'000).status();
  server_.reset();
  return ended;
}

absl::Status TestPostgres::Restart() {
  RETURN_IF_ERROR(Stop());
  return Launch();
}

absl::StatusOr<std::string> TestPostgres::Psql(const std::string& url,
                                               const std::string& statements) {
  ASSIGN_OR_RETURN(const std::string bin, Programs());
  return Run({bin + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c",
              statements});
}

absl::StatusOr<std::string> TestPostgres::Dump(const std::string& url) {
  ASSIGN_OR_RETURN(const std::string bin, Programs());
  return Run({bin + "/pg_dump", "-d", url});
}

absl::StatusOr<std::string> TestPostgres::NewDatabase() {
  const std::string base = StrCat("user=kbs port=", port_, " host=", folder_);
  // The one it comes with first: making another takes as long as all the rest.
  if (databases_++ == 0) return base + " dbname=postgres";
  const std::string name = StrCat("kbs", databases_);
  RETURN_IF_ERROR(Psql(base + " dbname=postgres", "CREATE DATABASE " + name).status());
  return base + " dbname=" + name;
}

}  // namespace nacre::attestation::testing
