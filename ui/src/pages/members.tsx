import { usePage } from '../components/shell';
import type { PageProps } from '../app';

export default function Soon(_: PageProps) {
  usePage({ label: 'members' });
  return (
    <div className="page">
      <h1 className="ti">members</h1>
    </div>
  );
}
