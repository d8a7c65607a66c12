// A peer for the tests of OpenIGTLink, on the protocol's own library in C++.
//
//   igtl_peer send PORT        serve one client: a pulse and a transform, again and again
//   igtl_peer hear PORT        connect, and print one message of each kind as JSON lines

#include <igtlClientSocket.h>
#include <igtlMessageHeader.h>
#include <igtlOSUtil.h>
#include <igtlPolyDataMessage.h>
#include <igtlServerSocket.h>
#include <igtlStringMessage.h>
#include <igtlTransformMessage.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

namespace {

int send_to_one(int port) {
  igtl::ServerSocket::Pointer server = igtl::ServerSocket::New();
  if (server->CreateServer(port) < 0) return 2;
  std::puts("listening");
  std::fflush(stdout);
  igtl::ClientSocket::Pointer client = server->WaitForConnection(30000);
  if (client.IsNull()) return 3;
  // A quarter turn about z, and a centre in mm.
  igtl::Matrix4x4 matrix = {{0, -1, 0, 12.5f}, {1, 0, 0, -34.25f}, {0, 0, 1, 99}, {0, 0, 0, 1}};
  for (int number = 0; number < 200; ++number) {
    igtl::StringMessage::Pointer pulse = igtl::StringMessage::New();
    pulse->SetDeviceName("Pulse");
    pulse->SetString("1");
    pulse->Pack();
    igtl::TransformMessage::Pointer pose = igtl::TransformMessage::New();
    pose->SetDeviceName("Coil");
    pose->SetMatrix(matrix);
    pose->Pack();
    if (!client->Send(pulse->GetPackPointer(), pulse->GetPackSize())) return 0;
    if (!client->Send(pose->GetPackPointer(), pose->GetPackSize())) return 0;
    igtl::Sleep(20);
  }
  return 0;
}

template <class Message>
typename Message::Pointer body_of(igtl::ClientSocket* socket, igtl::MessageHeader* header) {
  typename Message::Pointer message = Message::New();
  message->SetMessageHeader(header);
  message->AllocatePack();
  socket->Receive(message->GetPackBodyPointer(), message->GetPackBodySize());
  // The checksum is compared.
  if (!(message->Unpack(1) & igtl::MessageHeader::UNPACK_BODY)) return nullptr;
  return message;
}

bool say_transform(igtl::TransformMessage* found) {
  if (found == nullptr) return false;
  igtl::Matrix4x4 matrix;
  found->GetMatrix(matrix);
  std::printf("{\"kind\": \"TRANSFORM\", \"matrix\": [");
  for (int i = 0; i < 12; ++i) std::printf("%s%.9g", i ? ", " : "", matrix[i / 4][i % 4]);
  std::puts("]}");
  return true;
}

bool say_surface(igtl::PolyDataMessage* found) {
  if (found == nullptr) return false;
  igtl::PolyDataAttribute* values = found->GetAttribute(0);
  std::string name = values->GetName();
  std::printf("{\"kind\": \"POLYDATA\", \"name\": \"%s\", \"points\": [", name.c_str());
  for (int i = 0; i < found->GetPoints()->GetNumberOfPoints(); ++i) {
    igtlFloat32 at[3];
    found->GetPoints()->GetPoint(i, at);
    std::printf("%s[%.9g, %.9g, %.9g]", i ? ", " : "", at[0], at[1], at[2]);
  }
  std::printf("], \"triangles\": [");
  for (igtlUint32 i = 0; i < found->GetPolygons()->GetNumberOfCells(); ++i) {
    igtlUint32 corners[3];
    found->GetPolygons()->GetCell(i, corners);
    std::printf("%s[%u, %u, %u]", i ? ", " : "", corners[0], corners[1], corners[2]);
  }
  std::printf("], \"values\": [");
  for (igtlUint32 i = 0; i < values->GetSize(); ++i) {
    igtlFloat32 value;
    values->GetNthData(i, &value);
    std::printf("%s%.9g", i ? ", " : "", value);
  }
  std::puts("]}");
  return true;
}

int hear(int port) {
  igtl::ClientSocket::Pointer socket = igtl::ClientSocket::New();
  if (socket->ConnectToServer("127.0.0.1", port) != 0) return 2;
  socket->SetReceiveTimeout(30000);
  std::set<std::string> heard;
  while (heard.size() < 3) {
    igtl::MessageHeader::Pointer header = igtl::MessageHeader::New();
    header->InitPack();
    if (socket->Receive(header->GetPackPointer(), header->GetPackSize()) <= 0) return 3;
    header->Unpack();
    std::string kind = header->GetDeviceType();
    bool good = true;
    if (kind == "TRANSFORM") {
      good = say_transform(body_of<igtl::TransformMessage>(socket, header));
    } else if (kind == "POLYDATA") {
      good = say_surface(body_of<igtl::PolyDataMessage>(socket, header));
    } else if (kind == "STRING") {
      igtl::StringMessage::Pointer found = body_of<igtl::StringMessage>(socket, header);
      good = found.IsNotNull();
      if (good) std::printf("{\"kind\": \"STRING\", \"of\": %s}\n", found->GetString());
    } else {
      return 4;
    }
    if (!good) return 5;
    heard.insert(kind);
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 1;
  const int port = std::atoi(words[2]);
  return std::strcmp(words[1], "send") == 0 ? send_to_one(port) : hear(port);
}
