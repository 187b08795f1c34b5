// Lists whose links are members of what they hold: adding and removing touch no allocator and removing needs no search.
// A Link that is destroyed leaves its list by itself.
#pragma once

namespace cardea::l7 {

class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  template <typename T>
  friend class List;
  Link* previous_ = this;
  Link* next_ = this;
};

// T derives from Link (publicly).
template <typename T>
class List {
 public:
  bool empty() const { return !head_.linked(); }
  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  void push_back(T& item) {
    Link& link = item;
    link.unlink();
    link.previous_ = head_.previous_;
    link.next_ = &head_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }
  T* pop_front() {
    T* item = front();
    if (item) static_cast<Link*>(item)->unlink();
    return item;
  }
  // Moves everything from `other` behind what is here.
  void take_all(List& other) {
    if (other.empty()) return;
    Link *first = other.head_.next_, *last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    last->next_ = &head_;
    head_.previous_->next_ = first;
    head_.previous_ = last;
  }

 private:
  Link head_;
};

}  // namespace cardea::l7
