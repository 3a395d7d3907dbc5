// Event logs of a shared folder, compared with what its manifest states, and the ways it says to
// break them. The mutations are prose: each piece of a phrase ("numAlgs 0 / 0xffffffff") is looked
// up in a table of what it means, and a piece the table does not know counts as failed.

#include "tee/testing/outside.h"

#include <functional>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/eventlog/claims.h"
#include "tee/eventlog/event_data.h"

namespace nacre::tee::eventlog {
namespace {

using outside::Admits;
using outside::FileOf;
using outside::IsTrue;
using outside::ReadData;
using outside::Tally;
using outside::Text;

using Values = std::map<uint32_t, Bytes>;

Registers RegistersOf(const Json& vector) {
  return Text(vector, "kind") == "eventlog-ccel" ? Registers::kRtmr : Registers::kPcr;
}

Bytes LogOf(const Json& vector) { return ReadData(FileOf(vector, "event log")); }

Values ValuesOf(const Json& stated) {
  Values out;
  for (const auto& [index, value] : stated.items()) {
    out[static_cast<uint32_t>(std::stoul(index))] = HexDecode(value.get<std::string>()).value();
  }
  return out;
}

// The registers of the strongest bank, as the manifest replays them.
std::pair<Bank, Values> Signed(const Json& vector) {
  std::pair<Bank, Values> out{Bank::kSha1, {}};
  for (const auto& [name, values] : vector.at("expected").at("replay").items()) {
    const Bank bank = ParseBankName(name).value();
    if (out.second.empty() || bank > out.first) out = {bank, ValuesOf(values)};
  }
  return out;
}

bool ReplaysAsStated(const EventLog& log, const Json& expected) {
  bool good = expected.at("replay").size() == log.banks().size();
  for (const char* key : {"replay", "origin_expected_banks"}) {
    if (!expected.contains(key)) continue;
    for (const auto& [name, values] : expected.at(key).items()) {
      const auto replayed = Replay(log, ParseBankName(name).value());
      if (!replayed.ok()) return false;
      // The origin may list fewer registers than the log extends, never other values.
      for (const auto& [index, value] : ValuesOf(values)) {
        good &= replayed->contains(index) && replayed->at(index) == value;
      }
      if (std::string_view(key) == "replay") good &= *replayed == ValuesOf(values);
    }
  }
  if (!expected.contains("rtmrs")) return good;
  const auto replayed = Replay(log, Bank::kSha384);
  for (const auto& [name, value] : expected.at("rtmrs").items()) {
    const uint32_t index = static_cast<uint32_t>(name.back() - '0') + 1;
    good &= HexEncode(replayed->at(index)) == value.get<std::string>();
  }
  return good;
}

bool AsStated(const Json& vector) {
  const Json& expected = vector.at("expected");
  const Bytes bytes = LogOf(vector);
  const auto log = EventLog::Parse(bytes, RegistersOf(vector));
  if (!log.ok()) return false;
  std::vector<std::string> banks;
  for (Bank bank : log->banks()) banks.emplace_back(BankName(bank));
  std::vector<int> locality;
  if (log->startup_locality()) locality.push_back(*log->startup_locality());
  const auto [bank, values] = Signed(vector);
  Appraisal appraisal;
  return banks == expected.at("algorithms").get<std::vector<std::string>>() &&
         log->size() == expected.at("event_count").get<size_t>() &&
         log->end_offset() == expected.at("end_offset").get<size_t>() &&
         locality == expected.at("startup_locality").get<std::vector<int>>() &&
         ReplaysAsStated(*log, expected) &&
         VerifyEventLog(bytes, RegistersOf(vector), bank, values, &appraisal);
}

class EventLogOutside : public outside::OutsideTest {};

TEST_F(EventLogOutside, Logs) {
  for (const char* kind : {"eventlog-ccel", "eventlog-tpm"}) {
    Tally tally(kind);
    for (const Json& vector : OfKind(kind)) tally.Count(AsStated(vector), Text(vector, "id"));
  }
}

// RTMRs of a version 4 quote: facts of its layout (48-byte header, RTMR0 at 376 - 48 - 328).
Values QuoteRtmrs(const Bytes& quote) {
  constexpr size_t kRtmr0 = 48 + 328;
  Values out;
  for (uint32_t i = 0; i < 4; ++i) {
    out[i + 1] = ToBytes(ByteView(quote).subspan(kRtmr0 + 48 * i, 48));
  }
  return out;
}

TEST_F(EventLogOutside, LogsOfRealQuotes) {
  Tally tally("eventlog-ccel against its TDX quote");
  for (const Json& vector : OfKind("eventlog-ccel")) {
    for (const Json& id : vector.at("expected").at("rtmrs_equal_quote")) {
      const auto quote = VectorById(id.get<std::string>());
      if (!quote) continue;  // "partial:..."
      Appraisal appraisal;
      tally.Count(VerifyEventLog(LogOf(vector), Registers::kRtmr, Bank::kSha384,
                                 QuoteRtmrs(ReadData(FileOf(*quote, "quote"))), &appraisal),
                  Text(vector, "id"));
    }
  }
}

// --- Mutations ---

struct Mutant {
  Bytes log;
  std::optional<Bank> bank{};   // asked for, instead of the strongest
  std::string refusal_names{};  // must be in the refusal
};
using Mutants = std::vector<Mutant>;
using Mutation = std::function<Mutants(const Bytes&, const EventLog&)>;

Bytes With32(Bytes bytes, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) bytes.at(at + i) = static_cast<uint8_t>(value >> (8 * i));
  return bytes;
}

Mutants One(Bytes log) { return {{std::move(log)}}; }

// Each event that extends a register, changed by `change`.
Mutants EachEvent(const Bytes& bytes, const EventLog& log,
                  const std::function<Bytes(const Event&, size_t end)>& change) {
  Mutants out;
  for (size_t i = 0; i < log.size(); ++i) {
    const Event event = log.event(i);
    if (event.type == kNoAction) continue;
    const size_t end = i + 1 < log.size() ? log.event(i + 1).offset : log.end_offset();
    const Bytes changed = change(event, end);
    if (changed != bytes) {
      out.push_back({changed, {}, RegisterName(log.registers(), event.index)});
    }
  }
  return out;
}

size_t OffsetIn(const Bytes& bytes, ByteView part) {
  return static_cast<size_t>(part.data() - bytes.data());
}

constexpr size_t kCount = 32 + 24;  // of algorithms, in the first event
constexpr size_t kFirstAlgorithm = kCount + 4;

const std::map<std::string, Mutation>& Phrases() {
  static const auto* phrases = new std::map<std::string, Mutation>{
      {"as stored", [](const Bytes& b, const EventLog&) { return One(b); }},
      {"genuine log with a doubled separator",
       [](const Bytes& b, const EventLog& log) {
         std::map<uint32_t, int> separators;
         for (size_t i = 0; i < log.size(); ++i) {
           if (log.event(i).type == kSeparator) ++separators[log.event(i).index];
         }
         const bool doubled = std::ranges::any_of(separators, [](auto& s) { return s.second > 1; });
         return doubled ? One(b) : Mutants();
       }},
      {"flip one digest bit",
       [](const Bytes& b, const EventLog& log) {
         return EachEvent(b, log, [&](const Event& event, size_t) {
           Bytes changed = b;
           changed[OffsetIn(b, event.digests) + 2] ^= 0x04;
           return changed;
         });
       }},
      {"remove one event",
       [](const Bytes& b, const EventLog& log) {
         Mutants out = EachEvent(b, log, [&](const Event& event, size_t end) {
           Bytes changed = b;
           changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(event.offset),
                         changed.begin() + static_cast<std::ptrdiff_t>(end));
           return changed;
         });
         return out;
       }},
      {"change event data but not digest for a type whose data is the hash preimage",
       [](const Bytes& b, const EventLog& log) {
         Mutants out = EachEvent(b, log, [&](const Event& event, size_t) {
           Bytes changed = b;
           const auto bound = BoundData(event, log.banks().back());
           if (MustBeBound(event.type) && bound && !bound->empty()) {
             changed[OffsetIn(b, *bound) + bound->size() - 1] ^= 1;
           }
           return changed;
         });
         return out;
       }},
      {"numAlgs 0", [](const Bytes& b, const EventLog&) { return One(With32(b, kCount, 0)); }},
      {"numAlgs 0xffffffff",
       [](const Bytes& b, const EventLog&) { return One(With32(b, kCount, 0xffffffff)); }},
      {"unknown alg",
       [](const Bytes& b, const EventLog&) { return One(With32(b, kFirstAlgorithm, 0x00307777)); }},
      {"wrong digestSize",
       [](const Bytes& b, const EventLog&) { return One(With32(b, kFirstAlgorithm, 0x0031000c)); }},
      {"vendorInfoSize past end",
       [](const Bytes& b, const EventLog& log) {
         Bytes changed = b;
         changed[kFirstAlgorithm + 4 * log.banks().size()] = 0xff;
         return One(changed);
       }},
      {"event size 0xffffffff",
       [](const Bytes& b, const EventLog& log) {
         const Event event = log.event(log.size() - 1);
         return One(With32(b, OffsetIn(b, event.data) - 4, 0xffffffff));
       }},
      {"digest count 0xffffffff",
       [](const Bytes& b, const EventLog& log) {
         return One(With32(b, log.event(log.size() - 1).offset + 8, 0xffffffff));
       }},
      {"ask for SHA-256 bank",
       [](const Bytes& b, const EventLog&) {
         return Mutants{{b, Bank::kSha256}};
       }},
  };
  return *phrases;
}

// Phrases with a number in them.
Mutants WithIndex(const Bytes& bytes, const EventLog& log, uint32_t index) {
  return One(With32(bytes, log.event(log.size() - 1).offset, index));
}

Mutants WithTail(const Bytes& bytes, const EventLog& log, const Bytes& tail) {
  Bytes changed(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(log.end_offset()));
  changed.insert(changed.end(), tail.begin(), tail.end());
  return One(changed);
}

// "a / b", "a or b", "a, b": the pieces, the first words of the first repeated where a piece is
// only a number ("numAlgs 0 / 0xffffffff").
std::vector<std::string> Pieces(const std::string& mutation) {
  std::string text = mutation;
  for (const char* separator : {" / ", " or ", ", "}) {
    for (size_t at; (at = text.find(separator)) != std::string::npos;) {
      text.erase(at, std::string_view(separator).size());
      text.insert(at, 1, '|');
    }
  }
  std::vector<std::string> out;
  for (std::string_view piece : StrSplit(text, '|')) {
    std::string whole(piece);
    const size_t bracket = whole.find(" (");
    if (bracket != std::string::npos) whole.resize(bracket);
    if (!out.empty() && std::isdigit(static_cast<unsigned char>(whole[0]))) {
      const std::string& first = out.front();
      if (whole.find(' ') == std::string::npos) {
        whole = StrCat(first.substr(0, first.find(' ') + 1), whole);
      }
    }
    out.push_back(whole);
  }
  return out;
}

// nullopt for a phrase that is not known.
std::optional<Mutants> Mutate(const std::string& piece, const Bytes& bytes, const EventLog& log) {
  const auto known = Phrases().find(piece);
  if (known != Phrases().end()) return known->second(bytes, log);
  if (piece.starts_with("index ")) {
    return WithIndex(bytes, log, static_cast<uint32_t>(std::stoul(piece.substr(6), nullptr, 0)));
  }
  const std::map<std::string, Bytes> tails = {
      {"0xff padding after end", Bytes(4096, 0xff)}, {"all zero", Bytes(4096)}, {"none", Bytes()}};
  const auto tail = tails.find(piece);
  if (tail != tails.end()) return WithTail(bytes, log, tail->second);
  return std::nullopt;
}

bool ComesOut(const Mutant& mutant, const Json& vector, const std::string& words) {
  auto [bank, values] = Signed(vector);
  if (mutant.bank) {
    bank = *mutant.bank;
    for (auto& [index, value] : values) value = Bytes(BankSize(bank));
  }
  Appraisal appraisal;
  (void)VerifyEventLog(mutant.log, RegistersOf(vector), bank, values, &appraisal);
  if (words == "no crash") return true;
  const bool names = words.find("naming the register") == std::string::npos ||
                     appraisal.refusal.find(mutant.refusal_names) != std::string::npos;
  return names && Admits(words, appraisal.refusal_class);
}

TEST_F(EventLogOutside, NegativeCases) {
  Tally tally("event log negative case");
  for (const Json& test : NegativeCases("log_")) {
    const auto vector = VectorById(test.at("base").at(0).get<std::string>());
    if (!vector) {
      tally.Count(false, Text(test, "id") + ": no such base");
      continue;
    }
    const Bytes bytes = LogOf(*vector);
    const auto log = EventLog::Parse(bytes, RegistersOf(*vector));
    bool good = log.ok();
    for (const std::string& piece : Pieces(Text(test, "mutation"))) {
      if (!good) break;
      const auto mutants = Mutate(piece, bytes, *log);
      good = mutants && !mutants->empty();
      EXPECT_TRUE(good) << "no meaning is known for '" << piece << "'";
      for (size_t i = 0; good && i < mutants->size(); ++i) {
        good = ComesOut((*mutants)[i], *vector, Text(test, "expected_error_class"));
        EXPECT_TRUE(good) << Text(test, "id") << ": " << piece << ": mutant " << i;
      }
    }
    tally.Count(good, Text(test, "id"));
  }
}

}  // namespace
}  // namespace nacre::tee::eventlog
