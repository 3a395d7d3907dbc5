#include "cli/image.h"

#include "cli/image_crypt.h"
#include "cli/image_inspect.h"
#include "cli/image_sign.h"
#include "cli/image_verify.h"

namespace nacre::cli {

void AddImageVerb(CLI::App& app, VerbResult* result) {
  CLI::App* verb = app.add_subcommand("image", "Prepare images for attested guests");
  verb->require_subcommand(1);
  AddImageDecrypt(*verb, result);
  AddImageEncrypt(*verb, result);
  AddImageInspect(*verb, result);
  AddImageSign(*verb, result);
  AddImageVerify(*verb, result);
}

}  // namespace nacre::cli
