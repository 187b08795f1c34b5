// The packet line: a burst goes through every room once, in the order written in path.cc. Each room is a function of
// its own file; only emit sends and only account counts.
#pragma once

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// The whole line. On return no packet of the batch is owned by it any more.
void run(WorkerState& worker, Batch& batch);

// The line without its end: verdicts are set, frames are rewritten, nothing is sent, freed or counted.
void decide(WorkerState& worker, Batch& batch);

// The second line, for packets that cardea-l7's own TCP sends: what its shards have left in their pipes, at most a
// burst. False: nothing.
bool send(WorkerState& worker, Batch& batch);

// Between bursts: lets flows end that were idle for too long, and answers what control asks; a few groups of the table
// a call, however large it is. The whole table is seen once a second, or in as many calls as it takes. true: it is
// behind with that, and wants another call before a sleep. Cheap when there is nothing.
bool tend(WorkerState& worker);

// Fragments that have waited too long for their first one are dropped.
void let_fragments_go(WorkerState& worker);

// A few steps of what control asked, if anything (path/inspect.h).
void answer(WorkerState& worker);

void parse(WorkerState& worker, Batch& batch);
void guard(WorkerState& worker, Batch& batch);
void join(WorkerState& worker, Batch& batch);
void classify(WorkerState& worker, Batch& batch);
void spread(WorkerState& worker, Batch& batch);
void track(WorkerState& worker, Batch& batch);
void choose(WorkerState& worker, Batch& batch);
void route(WorkerState& worker, Batch& batch);
void rewrite(WorkerState& worker, Batch& batch);
void deal(WorkerState& worker, Batch& batch);
void admit(const WorkerState& worker, Batch& batch);
void emit(WorkerState& worker, Batch& batch);
void account(WorkerState& worker, Batch& batch);

void collect(WorkerState& worker, Batch& batch);
void head_for(WorkerState& worker, Batch& batch);

}  // namespace cardea::dataplane::path
