#include "guest-agent/service/denial_reporter.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

// A policy's denials and a broker, in one. Shared with the reporter's thread, as the real ones are.
class Owner {
 public:
  void Deny() {
    const std::lock_guard lock(mutex_);
    ++last_id_;
    denials_.push_back({last_id_, "ExecProcessRequest", StrCat("because ", last_id_)});
    if (denials_.size() > policy::kKeptDenials) denials_.pop_front();
  }
  std::vector<policy::Denial> After(uint64_t after) {
    const std::lock_guard lock(mutex_);
    std::vector<policy::Denial> out;
    for (const policy::Denial& denial : denials_) {
      if (denial.id > after) out.push_back(denial);
    }
    return out;
  }

  // The broker: answers with what Answer said, OK when nothing is left of it; while it is held,
  // not at all.
  absl::Status Send(const std::vector<policy::Denial>& denials) {
    std::unique_lock lock(mutex_);
    ++sends_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    absl::Status answer;
    if (!answers_.empty()) {
      answer = answers_.front();
      answers_.pop_front();
    }
    if (answer.ok()) received_.push_back(denials);
    changed_.notify_all();
    return answer;
  }
  void Answer(absl::Status status) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(status));
  }
  void Hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  bool AwaitSends(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return sends_ >= count; });
  }
  bool AwaitReports(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return received_.size() >= count; });
  }
  size_t sends() {
    const std::lock_guard lock(mutex_);
    return sends_;
  }
  // "1,2|3": the ids of each report.
  std::string Ids() {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& report : received_) {
      if (!out.empty()) StrAppend(&out, "|");
      for (size_t i = 0; i < report.size(); ++i) {
        StrAppend(&out, i == 0 ? "" : ",", report[i].id);
      }
    }
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t last_id_ = 0;
  std::deque<policy::Denial> denials_;
  std::deque<absl::Status> answers_;
  bool held_ = false;
  size_t sends_ = 0;
  std::vector<std::vector<policy::Denial>> received_;
};

class DenialReporterTest : public ::testing::Test {
 protected:
  void Start(int64_t pause_ms = 1) {
    DenialReporterOptions options;
    options.denials = [owner = owner_](uint64_t after) { return owner->After(after); };
    options.send = [owner = owner_](const auto& denials) { return owner->Send(denials); };
    options.pause_ms = pause_ms;
    options.max_pause_ms = 4 * pause_ms;
    options.last_wait_ms = last_wait_ms_;
    reporter_ = std::make_unique<DenialReporter>(std::move(options));
  }
  void Deny() {
    owner_->Deny();
    reporter_->Wake();
  }

  std::shared_ptr<Owner> owner_ = std::make_shared<Owner>();
  std::unique_ptr<DenialReporter> reporter_;
  int64_t last_wait_ms_ = 20'000;
};

TEST_F(DenialReporterTest, EachDenialIsReportedOnce) {
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitReports(1));
  Deny();
  ASSERT_TRUE(owner_->AwaitReports(2));
  reporter_->Wake();  // nothing new
  reporter_.reset();
  EXPECT_EQ(owner_->Ids(), "1|2");
}

TEST_F(DenialReporterTest, NobodyWaitsForAReportAndWhatComesMeanwhileGoesTogether) {
  owner_->Hold(true);
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitSends(1));
  for (int i = 0; i < 5; ++i) Deny();  // returns, though the broker does not answer
  owner_->Hold(false);
  ASSERT_TRUE(owner_->AwaitReports(2));
  EXPECT_EQ(owner_->Ids(), "1|2,3,4,5,6");
}

TEST_F(DenialReporterTest, ThePauseGathers) {
  Start(/*pause_ms=*/3'600'000);
  Deny();
  ASSERT_TRUE(owner_->AwaitReports(1));
  for (int i = 0; i < 5; ++i) Deny();
  EXPECT_EQ(owner_->sends(), 1u);
  reporter_.reset();  // ends the pause
  EXPECT_EQ(owner_->Ids(), "1|2,3,4,5,6");
}

TEST_F(DenialReporterTest, FailuresAreTriedAgainWithoutANewDenial) {
  owner_->Answer(absl::UnavailableError("down"));
  owner_->Answer(absl::UnauthenticatedError("not yet"));
  owner_->Answer(absl::DeadlineExceededError("slow"));
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitReports(1));
  EXPECT_EQ(owner_->sends(), 4u);
  EXPECT_EQ(owner_->Ids(), "1");
}

TEST_F(DenialReporterTest, TheOldestAreLostFirst) {
  owner_->Answer(absl::UnavailableError("down"));
  owner_->Hold(true);
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitSends(1));
  for (size_t i = 0; i < policy::kKeptDenials + 1; ++i) Deny();
  owner_->Hold(false);
  ASSERT_TRUE(owner_->AwaitReports(1));
  const std::string ids = owner_->Ids();
  EXPECT_TRUE(ids.starts_with("3,4,")) << ids;
  EXPECT_TRUE(ids.ends_with(StrCat(",", policy::kKeptDenials + 2))) << ids;
}

TEST_F(DenialReporterTest, ABrokerThatTakesNoneIsNotAskedAgain) {
  for (const absl::Status& answer :
       {absl::PermissionDeniedError("emulated"), absl::NotFoundError("no such endpoint")}) {
    owner_ = std::make_shared<Owner>();
    owner_->Answer(answer);
    Start();
    Deny();
    ASSERT_TRUE(owner_->AwaitSends(1));
    for (int i = 0; i < 3; ++i) Deny();
    reporter_.reset();
    EXPECT_EQ(owner_->sends(), 1u);
    EXPECT_EQ(owner_->Ids(), "");
  }
}

TEST_F(DenialReporterTest, WhatTheBrokerCallsMalformedDoesNotHoldUpTheRest) {
  owner_->Answer(absl::InvalidArgumentError("what"));
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitSends(1));
  reporter_.reset();
  EXPECT_EQ(owner_->sends(), 1u);
  owner_ = std::make_shared<Owner>();
  owner_->Answer(absl::InvalidArgumentError("what"));
  owner_->Hold(true);
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitSends(1));
  Deny();
  owner_->Hold(false);
  ASSERT_TRUE(owner_->AwaitReports(1));
  EXPECT_EQ(owner_->Ids(), "2");
}

TEST_F(DenialReporterTest, WhatIsLeftGoesOutAtTheEnd) {
  Start();
  Deny();
  reporter_.reset();
  EXPECT_EQ(owner_->Ids(), "1");
  // Nothing denied, nothing sent.
  Start();
  reporter_.reset();
  EXPECT_EQ(owner_->sends(), 1u);
}

TEST_F(DenialReporterTest, AHangingBrokerDoesNotKeepTheGuest) {
  last_wait_ms_ = 1;
  owner_->Hold(true);
  Start();
  Deny();
  ASSERT_TRUE(owner_->AwaitSends(1));
  reporter_.reset();
  owner_->Hold(false);  // the thread ends by itself, with its share of the owner
  ASSERT_TRUE(owner_->AwaitReports(1));
}

}  // namespace
}  // namespace nacre::guest_agent
