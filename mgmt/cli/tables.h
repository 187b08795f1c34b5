// The API's lists as tables for people: columns that stay where they are, one meaning each. What the dataplane serves
// and what cardea-l7 serves is counted in different things, so it stands in tables of its own.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {

std::string services_text(const nlohmann::json& answer, bool colour);
std::string routes_text(const nlohmann::json& answer, bool colour);
std::string pools_text(const nlohmann::json& answer, bool colour);
std::string backends_text(const nlohmann::json& answer, bool colour);
std::string flows_text(const nlohmann::json& answer, bool colour);
std::string certs_text(const nlohmann::json& answer, bool colour);
std::string exchanges_text(const nlohmann::json& answer, bool colour);
std::string audit_text(const nlohmann::json& answer, bool colour);
std::string connections_text(const nlohmann::json& answer, bool colour);
std::string limits_text(const nlohmann::json& answer, bool colour);
std::string cache_text(const nlohmann::json& answer, bool colour);

// Of an answer that has counts of processes which are away: what is to be thought of them. Empty when all are there.
std::string away_text(const nlohmann::json& answer, bool colour);

// Cells that several tables have.
std::string joined(const nlohmann::json& list);     // its texts with blanks between
Cell of_total(const nlohmann::json& row);           // "2/3" backends up
Cell bad_count(uint64_t count);                     // in colour unless it is 0
std::string busy_text(const nlohmann::json& core);  // "cpu 2 3.5 %"
std::string mean_text(const nlohmann::json& l7);    // of durations: "1.2 ms", or "-" when there were none

// A list's rows that this process counts.
bool is_l7(const nlohmann::json& row);
bool is_l4(const nlohmann::json& row);

// Tables with a line between them; an empty one is left out, and `none` said when all are.
std::string below_each_other(std::initializer_list<const Table*> tables, const char* none, bool colour);

}  // namespace cardea::mgmt::cli
