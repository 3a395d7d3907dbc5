#include "image-rs-cpp/testing/tar_builder.h"

#include <algorithm>
#include <cstdio>

#include "base/strings.h"

namespace nacre::image::testing {
namespace {

void Put(Bytes* block, size_t offset, std::string_view text, size_t size) {
  std::copy_n(text.begin(), std::min(text.size(), size), block->begin() + offset);
}

std::string Octal(uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

void FixChecksum(Bytes* header) {
  Put(header, 148, "        ", 8);
  uint64_t sum = 0;
  for (size_t i = 0; i < 512; ++i) sum += (*header)[i];
  Put(header, 148, Octal(sum, 6), 6);
  (*header)[154] = 0;
}

Bytes MakeHeader(const Member& member) {
  Bytes block(512);
  Put(&block, 0, member.path, 100);
  Put(&block, 100, Octal(member.mode, 7), 7);
  Put(&block, 108, Octal(member.uid, 7), 7);
  Put(&block, 116, Octal(member.gid, 7), 7);
  Put(&block, 124, member.size_field.empty() ? Octal(member.content.size(), 11) : member.size_field,
      12);
  Put(&block, 136, Octal(static_cast<uint64_t>(member.mtime), 11), 11);
  block[156] = static_cast<uint8_t>(member.type);
  Put(&block, 157, member.link_target, 100);
  Put(&block, 257, std::string_view("ustar\00000", 8), 8);
  Put(&block, 329, Octal(member.major, 7), 7);
  Put(&block, 337, Octal(member.minor, 7), 7);
  FixChecksum(&block);
  return block;
}

TarBuilder& TarBuilder::Raw(ByteView bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}

TarBuilder& TarBuilder::Add(const Member& member) {
  Raw(MakeHeader(member));
  Raw(AsBytes(member.content));
  return Raw(Bytes((512 - member.content.size() % 512) % 512));
}

TarBuilder& TarBuilder::File(const std::string& path, const std::string& content, uint32_t mode) {
  return Add({.path = path, .content = content, .mode = mode});
}

TarBuilder& TarBuilder::Folder(const std::string& path, uint32_t mode) {
  return Add({.path = path, .type = '5', .mode = mode});
}

TarBuilder& TarBuilder::Symlink(const std::string& path, const std::string& target) {
  return Add({.path = path, .type = '2', .link_target = target, .mode = 0777});
}

TarBuilder& TarBuilder::HardLink(const std::string& path, const std::string& target) {
  return Add({.path = path, .type = '1', .link_target = target});
}

TarBuilder& TarBuilder::Device(const std::string& path, char type, uint32_t major, uint32_t minor) {
  return Add({.path = path, .type = type, .mode = 0600, .major = major, .minor = minor});
}

TarBuilder& TarBuilder::Pax(const std::vector<std::pair<std::string, std::string>>& records,
                            char type) {
  std::string body;
  for (const auto& [key, value] : records) {
    const std::string rest = StrCat(" ", key, "=", value, "\n");
    size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    body += std::to_string(length) + rest;
  }
  return Add({.path = "PaxHeaders/x", .type = type, .content = body});
}

TarBuilder& TarBuilder::GnuLong(char type, const std::string& name) {
  return Add({.path = "././@LongLink", .type = type, .content = name + '\0'});
}

Bytes TarBuilder::Finish() {
  Raw(Bytes(1024));
  return out_;
}

}  // namespace nacre::image::testing
