// The command `cardea`.
#include "mgmt/cli/commands.h"

int main(int argc, char** argv) {
  return cardea::mgmt::cli::run(argc, argv);
}
