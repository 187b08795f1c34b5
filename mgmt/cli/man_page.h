// The page that `man cardea` shows, made from the parser: every command with its options, so that none can be
// forgotten. In the Markdown that go-md2man reads when the packages are built.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace cardea::mgmt::cli {

std::string man_page(const CLI::App& root);

}  // namespace cardea::mgmt::cli
