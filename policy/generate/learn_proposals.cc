#include "policy/generate/learn_proposals.h"

#include "base/strings.h"

namespace nacre::policy {
namespace {

constexpr std::string_view kShared = "/run/kata-containers/shared/containers/";
constexpr size_t kHashLength = 16;

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// One line that ends where its comment ends.
std::string Comment(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = IsControl(c) ? '?' : c;
  return out;
}

std::string QuotedRegex(std::string_view text) {
  std::string out = "^";
  for (char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return Quoted(out + "$");
}

std::string QuotedList(const Json& list) {
  std::string out = "[";
  for (const Json& one : list) StrAppend(&out, out.size() > 1 ? ", " : "", Quoted(TextOf(one)));
  return out + "]";
}

// "<id>-<16 hex digits>-<name>" -> name; "" for anything else.
std::string_view SharedName(std::string_view file) {
  size_t dash = file.find('-');
  while (dash != file.npos &&
         (file.size() <= dash + kHashLength + 1 || file[dash + kHashLength + 1] != '-')) {
    dash = file.find('-', dash + 1);
  }
  return dash == file.npos ? "" : file.substr(dash + kHashLength + 2);
}

}  // namespace

// TOML takes JSON's strings, but for a raw DEL.
std::string Quoted(std::string_view text) {
  const auto json = DumpJson(Json(std::string(text)));
  std::string out;
  for (char c : json.ok() ? *json : "\"\"") {
    if (c == 0x7f) {
      out += "\\u007f";
    } else {
      out += c;
    }
  }
  return out;
}

const Json& MemberOf(const Json& json, const std::string& key) {
  static const Json* const kNothing = new Json();
  const auto found = json.find(key);
  return found == json.end() ? *kNothing : *found;
}

std::string TextOf(const Json& json) { return json.is_string() ? json.get<std::string>() : ""; }

void Proposals::AddRequest(const std::string& kind) {
  requests_.emplace(Quoted(kind), "the host sent it");
}

void Proposals::AddCommand(const Json& arguments) {
  commands_.emplace(QuotedList(arguments), "run in a container by the host");
}

void Proposals::AddAnnotation(const std::string& key) {
  annotations_.emplace(Quoted(key), "annotation of the runtime on a container");
}

void Proposals::AddSysctl(const std::string& container, const std::string& key,
                          const std::string& value) {
  sysctls_.emplace(StrCat(Quoted(key), " = ", Quoted(value)),
                   StrCat("container ", container, " was given it"));
}

void Proposals::AddVariable(const std::string& container, const std::string& name,
                            std::string_view value) {
  variables_.emplace(StrCat("name = ", QuotedRegex(name), "\nvalue = ", QuotedRegex(value), "\n"),
                     StrCat("container ", container, " was given variable ", name,
                            ", which neither manifest nor image has"));
}

void Proposals::AddMount(const std::string& container, const Json& mount) {
  const std::string destination = TextOf(MemberOf(mount, "destination"));
  const std::string type = TextOf(MemberOf(mount, "type_"));
  const std::string source = TextOf(MemberOf(mount, "source"));
  const bool shared =
      source.starts_with(kShared) && source.find('/', kShared.size()) == source.npos;
  const std::string_view from =
      shared ? SharedName(std::string_view(source).substr(kShared.size())) : source;
  if (!destination.starts_with('/') || type.empty() || from.empty()) {
    return Tell(StrCat("container ", container, ": a mount at '", destination,
                       "' without type, source or absolute destination"));
  }
  mounts_.emplace(
      StrCat("container = ", Quoted(container), "\ndestination = ", Quoted(destination),
             "\ntype = ", Quoted(type), "\n", shared ? "shared = " : "source = ", Quoted(from),
             "\noptions = ", QuotedList(MemberOf(mount, "options")), "\n"),
      StrCat("container ", container, " was given a mount at ", destination,
             " that its manifest does not have"));
}

void Proposals::Tell(std::string_view what, std::string_view why) {
  told_.push_back(StrCat("Not proposed: ", Comment(what), "\n", why));
}

void Proposals::AppendList(const char* key, const Reasons& items, std::string* out) {
  if (items.empty()) return;
  StrAppend(out, key, " = [\n");
  for (const auto& [item, reason] : items)
    StrAppend(out, "  ", item, ",  # ", Comment(reason), "\n");
  StrAppend(out, "]\n");
}

std::string Proposals::Toml() const {
  std::string out = "# Proposed by nacre policy learn. Read each reason before you accept it.\n";
  for (const std::string& text : told_) {
    for (std::string_view line : StrSplit(text, '\n'))
      if (!line.empty()) StrAppend(&out, "# ", Comment(line), "\n");
  }
  if (!requests_.empty() || !commands_.empty()) StrAppend(&out, "\n[requests]\n");
  AppendList("allow", requests_, &out);
  AppendList("exec", commands_, &out);
  if (!annotations_.empty()) StrAppend(&out, "\n[pod]\n");
  AppendList("more_annotations", annotations_, &out);
  if (!sysctls_.empty()) StrAppend(&out, "\n[pod.sysctls]\n");
  for (const auto& [line, reason] : sysctls_) StrAppend(&out, line, "  # ", Comment(reason), "\n");
  for (const auto& [lines, reason] : variables_)
    StrAppend(&out, "\n# ", Comment(reason), "\n[[env.also]]\n", lines);
  for (const auto& [lines, reason] : mounts_)
    StrAppend(&out, "\n# ", Comment(reason), "\n[[mounts]]\n", lines);
  return out;
}

}  // namespace nacre::policy
