// Data from elsewhere: vectors and negative cases of a shared folder, compared with what its
// manifest states. Tests name no case; the folder is $NACRE_SHARED_DATA, or ../shared/data beside
// the source tree, and without it these tests are skipped.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::outside {

// Of the attestation data.
std::string Folder();
// These abort the test program when the file is not what it should be.
Json ReadJson(const std::string& path);   // absolute
Bytes ReadData(const std::string& path);  // relative to Folder()
std::string Text(const Json& object, const char* key);
bool IsTrue(const Json& object, const char* key);  // present and true
// Stated as null where a version of the report does not have the field, and then zero in it.
int NumberOrZero(const Json& object, const char* key);
// "2024-03-18 08:43:51" or "2024-03-18T08:43:51Z" as seconds since 1970.
int64_t Time(const std::string& text);
// A file of a vector by its role's beginning; empty when there is none.
std::string FileOf(const Json& vector, std::string_view role);

// Is `got` one that the words of a negative case's expected_error_class admit? The words name
// classes ("FORMAT or SIGNATURE", "QE_REPORT_DATA (why)", "CRL_EXPIRED") or "OK", which admits
// kNone; text in brackets and after ';' or ':' names none.
bool Admits(std::string_view expected_words, RefusalClass got);

// Counts what came out as stated, and says so in one line: "outside <kind>: <as stated>/<total>".
// Fails the test when they differ, unless tests/conformance/outside.toml lists the kind with a
// known remainder of exactly that many.
class Tally {
 public:
  explicit Tally(std::string kind) : kind_(std::move(kind)) {}
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally();
  void Count(bool good, const std::string& name);

 private:
  std::string kind_;
  std::vector<std::string> bad_;
  int total_ = 0;
};

// The fixture: manifest() is read once.
class OutsideTest : public ::testing::Test {
 protected:
  void SetUp() override;
  static const Json& manifest();
  static std::vector<Json> OfKind(std::string_view kind);
  static std::optional<Json> VectorById(std::string_view id);
  // Negative cases whose id begins so: "snp_", "tdx_", "tpm_", "log_", "meas_".
  static std::vector<Json> NegativeCases(std::string_view prefix);
};

}  // namespace nacre::tee::outside
