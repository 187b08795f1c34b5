#include "l7/proxy/disk.h"

namespace cardea::l7::proxy {

bool is_absent(int error) {
  return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP || error == EXDEV;
}

Failure failure_of_disk(Exchange& x, int error) {
  if (is_absent(error)) return failure(Reason::kFileMissing);
  if (error == EACCES || error == EPERM) return failure(Reason::kFileForbidden);
  if (error == EBUSY) return failure(Reason::kFilesBusy);
  if (error != EMFILE && error != ENFILE && error != ENOMEM) return failure(Reason::kFileUnreadable);
  count(x.shard(), x.shard().shared().rows.local_failures);
  return failure(Reason::kLocalFailure);
}

}  // namespace cardea::l7::proxy
