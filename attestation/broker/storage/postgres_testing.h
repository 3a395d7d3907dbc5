// For tests: a PostgreSQL server of this test's own, from Debian's packages, in a temporary folder,
// as a user that is not root, on a Unix socket in that folder (and a free port of 127.0.0.1 with
// TLS). It ends with the test program.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/subprocess.h"

namespace nacre::attestation::testing {

class TestPostgres {
 public:
  // The server all tests of this program share, started at the first call. kNotFound when
  // PostgreSQL is not installed.
  static absl::StatusOr<TestPostgres*> Shared();
  // One more, to be stopped and started.
  static absl::StatusOr<std::unique_ptr<TestPostgres>> Start();
  ~TestPostgres();

  // A new database; its url, with the superuser "kbs".
  absl::StatusOr<std::string> NewDatabase();
  // Statements by psql in the database of `url`; what they print, without decoration.
  absl::StatusOr<std::string> Psql(const std::string& url, const std::string& statements);
  // All of a database, as pg_dump writes it.
  absl::StatusOr<std::string> Dump(const std::string& url);
  // As a crash would, or an upgrade; then up again with the same data.
  absl::Status Stop();
  absl::Status Restart();

  // 127.0.0.1 with TLS: role "kbs" needs the password "opensesame" here.
  int port() const { return port_; }
  std::string ca_file() const { return folder_ + "/tls.pem"; }

 private:
  TestPostgres() = default;
  absl::Status Prepare();
  absl::Status Launch();
  absl::StatusOr<std::string> Run(std::vector<std::string> argv);
  std::vector<std::string> AsServerUser(std::vector<std::string> argv) const;

  std::string folder_;
  int port_ = 0;
  int databases_ = 0;
  std::optional<Subprocess> server_;
};

}  // namespace nacre::attestation::testing
