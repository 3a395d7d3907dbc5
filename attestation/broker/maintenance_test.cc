// The verbs that look after a store, as processes, on both engines.
#include <gmock/gmock.h>

#include "attestation/broker/program_testing.h"
#include "attestation/broker/setup.h"
#include "attestation/broker/storage/testing.h"
#include "attestation/broker/store.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::attestation {
namespace {

using ::testing::HasSubstr;

const Change kChange{.actor = "alice", .peer = "10.0.0.1:1", .request = "r", .time = 1};

struct Done {
  int code;
  std::string text;
};

Done Kbs(std::vector<std::string> arguments) {
  SubprocessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), std::string(NACRE_BIN_DIR) + "/nacre-kbs");
  auto result = RunCommand(options);
  if (!result.ok()) return {-1, result.status().ToString()};
  return {result->exit.code, result->out + result->err};
}

// A folder with kbs.toml over a database of its own.
struct Site {
  static absl::StatusOr<Site> Make(sql::Engine engine) {
    ASSIGN_OR_RETURN(auto database, testing::TestDatabase::Create(engine));
    ASSIGN_OR_RETURN(auto folder, TemporaryDirectory::Create("site"));
    Site out{std::move(database), std::move(folder)};
    RETURN_IF_ERROR(SetUpBroker(
        {.folder = out.folder(), .extra_names = {}, .emulated_root = {}, .allow_emulated = false},
        std::time(nullptr)));
    ASSIGN_OR_RETURN(std::string config, ReadTextFile(out.config(), 65536));
    const size_t begin = config.find("[storage]\n") + 10;
    config.erase(begin, config.find("\n#", begin) - begin);
    config.insert(begin, out.database.ConfigText());
    RETURN_IF_ERROR(WriteFile(out.config(), AsBytes(config)));
    return out;
  }
  std::string folder() const { return temporary.path() + "/kbs"; }
  std::string config() const { return folder() + "/kbs.toml"; }
  absl::StatusOr<std::unique_ptr<Store>> Open() const {
    ASSIGN_OR_RETURN(auto opened, database.Open());
    ASSIGN_OR_RETURN(auto master, OpenMasterKey(database.config()));
    return Store::Open(std::move(opened), std::move(master));
  }
  testing::TestDatabase database;
  TemporaryDirectory temporary;
};

class MaintenanceTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override {
    auto made = Site::Make(GetParam());
    if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status();
    ASSERT_OK(made);
    site.emplace(*std::move(made));
    ASSERT_OK_AND_ASSIGN(auto store, site->Open());
    ASSERT_OK(store->PutResource("a/b/c", AsBytes("secret"), kChange));
    ASSERT_OK(store->PutPolicy({"resource/", "package policy", 1}, kChange));
  }
  std::optional<Site> site;
};
INSTANTIATE_ON_BOTH_ENGINES(MaintenanceTest);

TEST_P(MaintenanceTest, ABackupMovesAStoreToTheOtherEngine) {
  const std::string file = site->folder() + "/backup";
  const Done made = Kbs({"backup", "--config", site->config(), "--out", file});
  ASSERT_EQ(made.code, 0) << made.text;
  const auto other_engine =
      GetParam() == sql::Engine::kSqlite ? sql::Engine::kPostgresql : sql::Engine::kSqlite;
  ASSERT_OK_AND_ASSIGN(const Site other, Site::Make(other_engine));
  const std::string old_key = site->database.config().folder + "/master.key";
  const Done wrong = Kbs({"restore", "--config", other.config(), "--in", file});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text, HasSubstr("another master key"));
  const Done restored =
      Kbs({"restore", "--config", other.config(), "--in", file, "--backup-master-key", old_key});
  ASSERT_EQ(restored.code, 0) << restored.text;
  ASSERT_OK_AND_ASSIGN(auto store, other.Open());
  EXPECT_EQ(AsText(store->GetResource("a/b/c")->view()), "secret");
  EXPECT_EQ(store->ListPolicies()->size(), 1u);
  EXPECT_OK(store->VerifyAudit());
  const Done again =
      Kbs({"restore", "--config", other.config(), "--in", file, "--backup-master-key", old_key});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.text, HasSubstr("not empty"));
}

TEST_P(MaintenanceTest, ANewMasterKeyOpensAndTheOldOneDoesNot) {
  const std::string fresh = site->folder() + "/new.key";
  ASSERT_EQ(Kbs({"master-key", "--new", fresh}).code, 0);
  EXPECT_EQ(Kbs({"master-key", "--new", fresh}).code, 1);
  const Done done = Kbs({"rekey", "--config", site->config(), "--new-master-key", fresh});
  ASSERT_EQ(done.code, 0) << done.text;
  EXPECT_STATUS(site->Open(), kFailedPrecondition, "another master key");
  ASSERT_OK_AND_ASSIGN(auto store, Store::Open(*site->database.Open(), *OpenMasterKey(fresh, "")));
  EXPECT_EQ(AsText(store->GetResource("a/b/c")->view()), "secret");
  ASSERT_OK_AND_ASSIGN(const auto entries, store->AuditEntries(0, 100));
  EXPECT_EQ(entries.back().action, "store-rekeyed");
  EXPECT_THAT(entries.back().change.actor, HasSubstr("operator (uid"));
}

TEST_P(MaintenanceTest, AReplicaGoesOnThroughANewDataKey) {
  ASSERT_OK_AND_ASSIGN(auto running, site->Open());
  EXPECT_EQ(AsText(running->GetResource("a/b/c")->view()), "secret");
  ASSERT_EQ(Kbs({"rekey", "--config", site->config()}).code, 0);
  EXPECT_EQ(AsText(running->GetResource("a/b/c")->view()), "secret");
  ASSERT_OK(running->PutResource("a/b/d", AsBytes("second"), kChange));
  ASSERT_OK_AND_ASSIGN(auto fresh, site->Open());
  EXPECT_EQ(AsText(fresh->GetResource("a/b/d")->view()), "second");
}

TEST_P(MaintenanceTest, TheAuditLogIsVerifiedAndShown) {
  const Done good = Kbs({"audit", "verify", "--config", site->config()});
  ASSERT_EQ(good.code, 0) << good.text;
  EXPECT_THAT(good.text,
              HasSubstr("2 entries, all as written, and the store is what they made; head 2:"));
  const std::string head = std::string(StripSpace(good.text.substr(good.text.find(" 2:"))));
  ASSERT_OK(site->Open().value()->Audit(kChange, "more", "x", "{}"));
  const Done noted = Kbs({"audit", "verify", "--config", site->config(), "--at-least", head});
  EXPECT_EQ(noted.code, 0) << noted.text;
  const Done later = Kbs({"audit", "verify", "--config", site->config(), "--at-least", "9:00"});
  EXPECT_THAT(later.text, HasSubstr("ends before entry 9"));
  const Done show = Kbs({"audit", "show", "--config", site->config(), "--after", "1"});
  EXPECT_THAT(show.text, HasSubstr("2 1970-01-01T00:00:01Z alice (10.0.0.1:1) policy-set"));
  EXPECT_EQ(show.text.find("resource-set"), std::string::npos);
  const Done json = Kbs({"audit", "show", "--config", site->config(), "--json"});
  EXPECT_THAT(json.text, HasSubstr(R"("action":"resource-set")"));
  ASSERT_OK(site->database.Execute("UPDATE audit SET actor = 'mallory' WHERE sequence = 2"));
  const Done bad = Kbs({"audit", "verify", "--config", site->config()});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.text, HasSubstr("entry 2 is not what was written"));
  EXPECT_EQ(Kbs({"audit", "show", "--config", site->config()}).code, 0);
}

TEST_P(MaintenanceTest, AChangeBehindTheLogsBackIsFound) {
  const std::pair<std::string, std::string> changes[] = {
      {"UPDATE policies SET body = 'package policy allow := true'",
       "policy resource/ is not what the audit log says was set"},
      {"DELETE FROM policies", "policy resource/ is missing"},
      {"INSERT INTO resources SELECT 'x/y/z', sealed, 1 FROM resources",
       "resource x/y/z is there, and no entry"},
      {"DELETE FROM resources", "resource a/b/c is missing"},
  };
  for (const auto& [change, finding] : changes) {
    ASSERT_OK(site->database.Execute(
        "CREATE TABLE kept AS SELECT * FROM policies; CREATE TABLE kept_too AS SELECT * FROM "
        "resources"));
    ASSERT_OK(site->database.Execute(change));
    const Done done = Kbs({"audit", "verify", "--config", site->config()});
    EXPECT_EQ(done.code, 1);
    EXPECT_THAT(done.text, HasSubstr(finding));
    ASSERT_OK(site->database.Execute(
        "DELETE FROM policies; INSERT INTO policies SELECT * FROM kept; DROP TABLE kept;"
        "DELETE FROM resources; INSERT INTO resources SELECT * FROM kept_too; DROP TABLE "
        "kept_too"));
  }
  EXPECT_EQ(Kbs({"audit", "verify", "--config", site->config()}).code, 0);
}

TEST_P(MaintenanceTest, KeysTurnOnDemand) {
  for (const char* purpose : {"session", "token"}) {
    const Done done = Kbs({"rotate-keys", "--config", site->config(), "--purpose", purpose});
    EXPECT_EQ(done.code, 0) << done.text;
  }
  EXPECT_EQ(Kbs({"rotate-keys", "--config", site->config(), "--purpose", "tls"}).code, 2);
  const Done show = Kbs({"audit", "show", "--config", site->config(), "--after", "2"});
  EXPECT_THAT(show.text, HasSubstr("key-rotated token"));
  EXPECT_THAT(show.text, HasSubstr("key-rotated session"));
}

}  // namespace
}  // namespace nacre::attestation
