#include "net/ttrpc/message.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "net/ttrpc/limits.h"

namespace nacre::ttrpc {
namespace {

Bytes Hex(std::string_view text) { return *HexDecode(text); }

TEST(MessageTest, RequestOnTheWire) {
  const Request request{.service = "s",
                        .method = "m",
                        .payload = std::string("\0\xff", 2),
                        .timeout_ns = 300,
                        .metadata = {{"k", "v"}, {"k", "w"}}};
  // 1 service, 2 method, 3 payload, 4 timeout_nano (varint), 5 metadata {1 key, 2 value}
  const std::string wire = EncodeRequest(request);
  EXPECT_EQ(HexEncode(AsBytes(wire)),
            "0a0173"
            "12016d"
            "1a0200ff"
            "20ac02"
            "2a060a016b120176"
            "2a060a016b120177");
  absl::StatusOr<Request> back = DecodeRequest(AsBytes(wire));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->service, "s");
  EXPECT_EQ(back->method, "m");
  EXPECT_EQ(back->payload, request.payload);
  EXPECT_EQ(back->timeout_ns, 300);
  EXPECT_EQ(back->metadata, request.metadata);
}

TEST(MessageTest, EmptyAndUnknownFieldsOfRequests) {
  EXPECT_TRUE(DecodeRequest({}).ok());
  EXPECT_EQ(DecodeRequest(Hex("0a0173"
                              "f20601aa"))
                ->service,
            "s");  // field 110: of the future
}

TEST(MessageTest, GarbageIsNoRequest) {
  for (const char* hex : {"ff", "0a05", "0a0573", "0801", "2a020aff", "1a8080808010"}) {
    EXPECT_EQ(absl::IsInvalidArgument(DecodeRequest(Hex(hex)).status()),
              std::string_view(hex) != "0801")  // another wire type: an unknown field
        << hex;
  }
}

TEST(MessageTest, TextThatIsNotUtf8IsJustAName) {
  EXPECT_EQ(DecodeRequest(Hex("0a01ff"))->service, "\xff");
}

TEST(MessageTest, NegativeTimeoutSurvives) {
  EXPECT_EQ(DecodeRequest(AsBytes(EncodeRequest({.timeout_ns = -5})))->timeout_ns, -5);
}

TEST(MessageTest, EveryCodeCrosses) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), StrCat("text ", code));
    EXPECT_EQ(DecodeResponse(AsBytes(EncodeResponse(status))).status(), status);
  }
}

TEST(MessageTest, ForeignCodesAreUnknown) {
  EXPECT_TRUE(absl::IsUnknown(DecodeResponse(Hex("0a020811")).status()));                    // 17
  EXPECT_TRUE(absl::IsUnknown(DecodeResponse(Hex("0a0b08ffffffffffffffffff01")).status()));  // -1
}

TEST(MessageTest, ResponsePayloads) {
  EXPECT_EQ(*DecodeResponse({}), "");
  EXPECT_EQ(*DecodeResponse(Hex("12026869")), "hi");      // no status
  EXPECT_EQ(*DecodeResponse(Hex("0a0012026869")), "hi");  // empty status
  EXPECT_EQ(*DecodeResponse(AsBytes(EncodeResponse(std::string("hi")))), "hi");
  EXPECT_TRUE(absl::IsInternal(DecodeResponse(Hex("ffff")).status()));
}

std::string MessageThatArrives(std::string text) {
  const absl::Status sent = absl::InternalError(text);
  return std::string(Message(DecodeResponse(AsBytes(EncodeResponse(sent))).status()));
}

TEST(MessageTest, ResponsesInParts) {
  const std::pair<size_t, std::string_view> cases[] = {{0, "0a00"},
                                                       {1, "0a001201"},
                                                       {127, "0a00127f"},
                                                       {128, "0a00128001"},
                                                       {16383, "0a0012ff7f"},
                                                       {16384, "0a0012808001"},
                                                       {2097151, "0a0012ffff7f"},
                                                       {2097152, "0a001280808001"}};
  for (const auto& [size, head] : cases) {
    const std::string payload(size, 'p');
    const ResponseParts parts = EncodeResponseParts(payload);
    EXPECT_EQ(HexEncode(AsBytes(parts.head)), head) << size;
    EXPECT_TRUE(parts.payload == payload) << size;
    const std::string whole = EncodeResponse(payload);
    EXPECT_TRUE(whole == parts.head + parts.payload) << size;
    EXPECT_TRUE(*DecodeResponse(AsBytes(whole)) == payload) << size;
  }
  EXPECT_EQ(EncodeResponseParts(absl::NotFoundError("no")).payload, "");
}

TEST(MessageTest, StatusMessagesAreMadeUtf8) {
  const std::pair<const char*, const char*> cases[] = {
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9a", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9a"},
      {"a\xff"
       "b",
       "a?b"},
      {"cut\xe2\x82", "cut??"},
      {"\xc0\x80", "??"},            // overlong
      {"\xed\xa0\x80", "???"},       // surrogate
      {"\xf4\x90\x80\x80", "????"},  // past the last code point
      {"\xe0\x9f\xbf", "???"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(MessageThatArrives(text), expected);
}

TEST(MessageTest, StatusMessagesAreCut) {
  for (size_t size : {kMaxStatusMessage - 1, kMaxStatusMessage, kMaxStatusMessage + 1}) {
    EXPECT_EQ(MessageThatArrives(std::string(size, 'x')).size(), std::min(size, kMaxStatusMessage));
  }
  const std::string cut = MessageThatArrives(std::string(kMaxStatusMessage - 1, 'x') + "\xc3\xa9");
  EXPECT_EQ(cut.size(), kMaxStatusMessage - 1) << "not in the middle of a character";
}

TEST(AnswerTest, ThePayloadIsWhereItCame) {
  const auto decode = [](std::string_view bytes) { return DecodeAnswer(ToBytes(bytes)); };
  const std::string frame = EncodeResponse(std::string("payload"));
  const absl::StatusOr<Answer> answer = decode(frame);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(AsText(answer->payload()), "payload");
  EXPECT_EQ(answer->begin, frame.size() - 7);
  EXPECT_EQ(AsText(answer->frame), frame);
  // Nothing, in both ways; unknown fields; the last of two payloads.
  EXPECT_TRUE(decode("")->payload().empty());
  EXPECT_TRUE(decode(EncodeResponse(std::string()))->payload().empty());
  EXPECT_EQ(AsText(decode(frame + "\x1a\x01z\x20\x05")->payload()), "payload");
  EXPECT_EQ(AsText(decode(frame + frame.substr(0, frame.size() - 1) + "x")->payload()), "payloax");
  EXPECT_TRUE(absl::IsNotFound(decode(EncodeResponse(absl::NotFoundError("no"))).status()));
  // Cut anywhere but between two fields, or no message at all.
  for (size_t size = 1; size < frame.size(); ++size) {
    const auto cut = decode(frame.substr(0, size));
    EXPECT_TRUE(cut.ok() ? cut->payload().empty() : absl::IsInternal(cut.status())) << size;
  }
  for (const std::string_view bad :
       {"\x12\xff\xff\xff\xff\x0f", "\x12\x7f", "\x0a\x01\xff", "\x04"}) {
    EXPECT_TRUE(absl::IsInternal(decode(bad).status()));
  }
}

}  // namespace
}  // namespace nacre::ttrpc
