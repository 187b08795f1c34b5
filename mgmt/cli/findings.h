// The findings that come with a reload's answer, as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cardea::mgmt::cli {

std::string findings_text(const nlohmann::json& reload, bool colour);  // of `findings`; a line each, with its hint

}  // namespace cardea::mgmt::cli
