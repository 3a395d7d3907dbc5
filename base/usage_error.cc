#include "base/usage_error.h"

#include <algorithm>

#include "base/toml.h"

namespace nacre {
namespace {

// The verb the command line got as far as: `app` itself, or the innermost subcommand it names.
const CLI::App& Innermost(const CLI::App& app) {
  std::vector<CLI::App*> parsed = app.get_subcommands();
  return parsed.empty() ? app : Innermost(*parsed.back());
}

std::string WithNearest(std::string message, const std::string& word,
                        const std::vector<std::string>& known) {
  std::string nearest = NearestName(word, known);
  for (const std::string& name : known) {
    // "--kernel-argument" for "--kernel-arg": far by letters, near by meaning.
    if (name.size() > 3 && (name.starts_with(word) || word.starts_with(name))) nearest = name;
  }
  if (!nearest.empty()) message += "; did you mean '" + nearest + "'?";
  return message;
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

std::string UnknownVerb(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names = VerbNames(app);
  std::string message = VerbPath(app) + ": unknown verb '" + word + "'";
  std::string guess = WithNearest(message, word, names);
  if (guess != message) return guess;
  message += "; known are";
  for (const std::string& name : names) message += " " + name;
  return message;
}

bool Is(const CLI::ParseError& error, CLI::ExitCodes code) {
  return error.get_exit_code() == static_cast<int>(code);
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::string VerbPath(const CLI::App& verb) {
  const CLI::App* parent = verb.get_parent();
  return parent == nullptr ? verb.get_name() : VerbPath(*parent) + " " + verb.get_name();
}

std::string UnknownOption(const CLI::App& verb, const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& longname : option->get_lnames()) known.push_back("--" + longname);
  }
  return WithNearest(VerbPath(verb) + ": unknown option '" + name + "'", name, known);
}

std::string DescribeUsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = Innermost(app);
  std::vector<std::string> extras = verb.remaining();
  if (extras.empty()) extras = app.remaining(true);
  // A misspelt option is the reason why the right one is missing.
  if (!extras.empty() && extras[0].starts_with("-") && extras[0] != "--") {
    return UnknownOption(verb, extras[0]);
  }
  if (Is(error, CLI::ExitCodes::ExtrasError) && !extras.empty()) {
    if (!VerbNames(verb).empty()) return UnknownVerb(verb, extras[0]);
    return VerbPath(verb) + ": unexpected argument '" + extras[0] + "'";
  }
  if (Is(error, CLI::ExitCodes::RequiredError) && !VerbNames(verb).empty()) {
    // CLI11 misses the subcommand before it complains about the word that is none.
    if (!extras.empty() && extras[0].starts_with("-")) return UnknownOption(verb, extras[0]);
    if (!extras.empty()) return UnknownVerb(verb, extras[0]);
    return VerbPath(verb) + ": a verb is missing; see '" + VerbPath(verb) + " --help'";
  }
  return VerbPath(verb) + ": " + OneLine(error.what());
}

}  // namespace nacre
