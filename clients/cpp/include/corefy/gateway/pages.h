// The entries of a list, page after page; corefy/gateway/lists.h has the lists.
#pragma once

#include <google/protobuf/repeated_field.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "corefy/gateway/error.h"

namespace corefy::gateway {

// A range to be gone through once by each `begin()`, which asks for the first page anew. A page is asked for when the
// iterator goes past the one before it, and is all that is kept. Asking throws GatewayError.
template <class Entry>
class Pages {
 public:
  // One page: its entries, and the token of the next one, empty after the last.
  struct Page {
    google::protobuf::RepeatedPtrField<Entry> entries;
    std::string next;
  };
  // Asks for the page of a token; that of the first one is empty.
  using Ask = std::function<Page(const std::string& token)>;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    using pointer = const Entry*;
    using reference = const Entry&;

    Iterator() = default;
    explicit Iterator(Ask ask) : at_(std::make_shared<At>(At{std::move(ask), {}})) {
      at_->page = at_->ask("");
      SkipEmptyPages();
    }

    reference operator*() const { return at_->page.entries.Get(at_->place); }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++at_->place;
      SkipEmptyPages();
      return *this;
    }
    void operator++(int) { ++*this; }
    // Whether both are at the end, the only place that two iterators are compared at.
    bool operator==(const Iterator& other) const { return at_ == other.at_; }
    bool operator!=(const Iterator& other) const { return !(*this == other); }

   private:
    struct At {
      Ask ask;
      Page page;
      int place = 0;
    };

    // Goes to the next entry that there is; without one, this is the end.
    void SkipEmptyPages() {
      while (at_ && at_->place == at_->page.entries.size()) {
        if (at_->page.next.empty()) {
          at_ = nullptr;
        } else {
          at_->page = at_->ask(std::string(at_->page.next));
          at_->place = 0;
        }
      }
    }

    std::shared_ptr<At> at_;
  };

  explicit Pages(Ask ask) : ask_(std::move(ask)) {}

  Iterator begin() const { return Iterator(ask_); }
  Iterator end() const { return Iterator(); }

 private:
  Ask ask_;
};

// The pages of a call: `turn` gives a request the token of a later page, `entries` are a page's.
template <class Entry, class Stub, class Request, class Response, class Turn, class Entries>
Pages<Entry> PagesOf(Stub& stub, grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*),
                     const Request& request, Turn turn, Entries entries) {
  return Pages<Entry>([&stub, call, request, turn, entries](const std::string& token) {
    Request next = request;
    if (!token.empty()) turn(next, token);
    grpc::ClientContext context;
    Response response;
    const auto status = (stub.*call)(&context, next, &response);
    if (!status.ok()) throw GatewayError(status, context);
    return typename Pages<Entry>::Page{std::move(*entries(response)), response.next_page_token()};
  });
}

}  // namespace corefy::gateway
