// kill -9 at random moments while clients write: what was answered with 200 is there after the next
// start, what was not is there whole or not at all, and the audit log holds. 200 kills on SQLite
// and 40 on PostgreSQL, in parts that ctest can run side by side.
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "attestation/broker/program_testing.h"
#include "attestation/broker/setup.h"
#include "attestation/broker/storage/testing.h"
#include "attestation/broker/store.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using testing::BrokerProcess;

constexpr int kWriters = 3;
constexpr int kKeysPerWriter = 4;
constexpr int kKillsPerPart = 20;
constexpr size_t kPadding = 6'000;  // several pages of a database

// What one resource may hold: what was answered last, or what was asked after that. "" is absent.
struct Expected {
  std::string acknowledged;
  std::string attempted;
};

// A value whose every part depends on its number.
std::string ValueOf(int64_t number) {
  std::string out = StrCat(number, ":");
  while (out.size() < kPadding) StrAppend(&out, number * 7919 % 104'729, ",");
  return out;
}

class Writer {
 public:
  explicit Writer(int number) : number_(number) {}
  std::map<std::string, Expected>& expected() { return expected_; }
  int64_t acknowledged() const { return acknowledged_; }

  // Writes until the broker no longer answers.
  void Run(BrokerProcess& broker) {
    while (true) {
      const std::string path =
          StrCat("crash/writer", number_, "/key", static_cast<int>(count_ % kKeysPerWriter));
      Expected& expected = expected_[path];
      const bool remove = !expected.acknowledged.empty() && count_ % 7 == 6;
      expected.attempted = remove ? "" : ValueOf(++count_ * 10 + number_);
      if (remove) ++count_;
      auto answer =
          broker.Admin(remove ? "DELETE" : "POST", "/kbs/v0/resource/" + path, expected.attempted);
      if (!answer.ok()) return;
      if (answer->status != 200) {
        ADD_FAILURE() << path << ": " << answer->status << " " << answer->body;
        return;
      }
      expected.acknowledged = expected.attempted;
      ++acknowledged_;
    }
  }

 private:
  int number_;
  int64_t count_ = 0;
  int64_t acknowledged_ = 0;
  std::map<std::string, Expected> expected_;
};

struct Part {
  sql::Engine engine;
  int number;
};

class CrashTest : public ::testing::TestWithParam<Part> {
 protected:
  void SetUp() override {
    auto made = testing::TestDatabase::Create(GetParam().engine);
    if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status();
    ASSERT_OK(made);
    place.emplace(*std::move(made));
    ASSERT_OK(SetUpBroker(
        {.folder = folder(), .extra_names = {}, .emulated_root = {}, .allow_emulated = false},
        std::time(nullptr)));
    ASSERT_OK_AND_ASSIGN(std::string config, ReadTextFile(folder() + "/kbs.toml", 65536));
    const size_t begin = config.find("[storage]\n") + 10;
    const size_t end = config.find("\n[", begin);
    config.erase(begin, end - begin);
    config.insert(begin, place->ConfigText());
    ASSERT_OK(WriteFile(folder() + "/kbs.toml", AsBytes(config)));
  }
  std::string folder() const { return temporary.path() + "/kbs"; }
  // A server may still be at the last COMMIT of a client that was killed.
  void WaitForServer() {
    if (GetParam().engine != sql::Engine::kPostgresql) return;
    ASSERT_OK_AND_ASSIGN(auto database, place->Open());
    int64_t others = 1;
    while (others > 0) {
      ASSERT_OK_AND_ASSIGN(const sql::Rows rows,
                           database->Query("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                           "current_database() AND pid <> pg_backend_pid()"));
      others = rows.Number(0, 0);
    }
  }
  // Between a kill and the next start the test looks into the database itself.
  void Check() {
    WaitForServer();
    auto store = Store::Open(*place->Open(), *OpenMasterKey(place->config()));
    ASSERT_OK(store);
    for (Writer& writer : writers) {
      for (auto& [path, expected] : writer.expected()) {
        const auto found = (*store)->GetResource(path);
        ASSERT_TRUE(found.ok() || absl::IsNotFound(found.status())) << path << found.status();
        const std::string value = found.ok() ? std::string(AsText(found->view())) : "";
        ASSERT_TRUE(value == expected.acknowledged || value == expected.attempted)
            << path << " holds " << value.substr(0, 20) << ", answered was "
            << expected.acknowledged.substr(0, 20);
        expected.acknowledged = value;
      }
    }
    ASSERT_OK_AND_ASSIGN(const AuditHead head, (*store)->VerifyAudit());
    int64_t acknowledged = 0;
    for (const Writer& writer : writers) acknowledged += writer.acknowledged();
    EXPECT_GE(head.sequence, acknowledged);
  }
  TemporaryDirectory temporary = *TemporaryDirectory::Create("crash");
  std::optional<testing::TestDatabase> place;
  std::vector<Writer> writers;
};

TEST_P(CrashTest, NoAcknowledgedWriteIsLost) {
  std::mt19937 random(static_cast<uint32_t>(GetParam().number) * 101 + 7);
  std::uniform_int_distribution<int> moment_us(0, 250'000);
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(i);
  for (int kill = 0; kill < kKillsPerPart; ++kill) {
    ASSERT_OK_AND_ASSIGN(auto broker, BrokerProcess::Start(folder(), "kbs.toml"));
    {
      std::vector<std::jthread> threads;
      for (Writer& writer : writers) {
        threads.emplace_back([&writer, &broker] { writer.Run(*broker); });
      }
      // Not a wait for something to happen: the moment of the crash is what is random.
      std::this_thread::sleep_for(std::chrono::microseconds(moment_us(random)));
      broker->Kill();
    }
    Check();
    if (HasFatalFailure() || HasFailure()) FAIL() << "after kill " << kill;
  }
  int64_t acknowledged = 0;
  for (const Writer& writer : writers) acknowledged += writer.acknowledged();
  EXPECT_GT(acknowledged, kKillsPerPart / 4);  // the clients did write, however busy the machine
  RecordProperty("acknowledged", std::to_string(acknowledged));
  std::printf("%d kills, %ld acknowledged writes, all there\n", kKillsPerPart,
              static_cast<long>(acknowledged));
}

std::vector<Part> Parts() {
  std::vector<Part> out;
  for (int i = 0; i < 10; ++i) out.push_back({sql::Engine::kSqlite, i});
  for (int i = 10; i < 12; ++i) out.push_back({sql::Engine::kPostgresql, i});
  return out;
}
std::string NameOf(const ::testing::TestParamInfo<Part>& part) {
  const bool sqlite = part.param.engine == sql::Engine::kSqlite;
  return StrCat(sqlite ? "Sqlite" : "Postgresql", part.param.number);
}
INSTANTIATE_TEST_SUITE_P(Parts, CrashTest, ::testing::ValuesIn(Parts()), NameOf);

}  // namespace
}  // namespace nacre::attestation
