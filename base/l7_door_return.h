// How a cardea-l7 leaves its door (base/l7_door_socket.h). Who leaves it and lives on says so before he closes the
// connection: he comes back, and his connections with him. Whose connection ends without a word has ended himself.
#pragma once

namespace cardea {

// cardea-l7's side.
void say_that_it_comes_back(int socket);
// The dataplane's side, when the connection of who has a door can be read.
bool comes_back(int socket);

}  // namespace cardea
